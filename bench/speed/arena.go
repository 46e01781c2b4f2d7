package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
	"github.com/seed-5c07c2e9/dyplsq/bench/rig"
)

// conditions are those of one run.
type conditions struct {
	roundTrip time.Duration // to Redis or PostgreSQL
	api       time.Duration // that every call takes
	workers   int
	slots     int // of all workers together
	attempts  int // a task's budget; 0: the usual
	quota     int // calls a second; 0: no bound
	numbers   int // that can be bound
	ledger    bool
	durable   bool // Redis keeps an append-only file
	stocked   bool // the pool has an inventory
	masters   int  // of a cluster; 0: one Redis that is none
}

func (c conditions) String() string {
	text := fmt.Sprintf(
		"%s round trip, %s call, %d slots in %d", short(c.roundTrip), short(c.api), c.slots, c.workers,
	)
	if c.durable {
		text += ", append-only file"
	}
	if c.stocked {
		text += ", inventory"
	}
	if c.masters > 0 {
		text += fmt.Sprintf(", %d masters", c.masters)
	}
	return text
}

func short(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

const bindAction = "BindAxn"

// shards are those of each queue on a cluster.
const shards = 12

// arena is what one contender runs on for once: an empty queue and a new simulator.
type arena struct {
	conditions

	contender contender.Contender
	redis     rig.Cluster // one, also where it is no cluster; none: it uses no Redis
	stores    []int       // process ids of what keeps the queue
	line      *rig.Line
	sim       *dyplstest.Server
	site      contender.Site
	producer  contender.Producer
	filler    contender.Producer // at no delay
	processes []*rig.Process
}

// open makes one, to be closed. No worker runs yet.
func (b *bench) open(
	ctx context.Context, c contender.Contender, cond conditions,
) (_ *arena, err error) {
	a := &arena{conditions: cond, contender: c}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%s: %w", c.Name(), err), a.close())
		}
	}()
	if err := a.simulate(); err != nil {
		return nil, err
	}
	near := contender.Site{
		Endpoint: a.sim.URL(), KeyID: a.sim.AccessKeyID, Secret: a.sim.AccessKeySecret,
		Attempts: cond.attempts, Calls: a.calls,
	}
	far := near
	switch c.Name() {
	case directName:
	case riverName:
		a.stores = []int{b.postgres.PID()}
		addr, err := a.reach(b.postgres.Addr)
		if err != nil {
			return nil, err
		}
		near.Postgres, far.Postgres = rig.URL(b.postgres.Addr), rig.URL(addr)
	default:
		if err := a.startRedis(ctx); err != nil {
			return nil, err
		}
		near.Redis = a.redis.Addrs()
		if cond.masters > 0 {
			near.Shards = shards
		}
		far = near
		if far.Redis, err = a.reach(near.Redis); err != nil {
			return nil, err
		}
		if a.line != nil {
			if err := b.ping(ctx, far.Redis); err != nil {
				return nil, err
			}
		}
	}
	a.site = far
	if a.filler, err = c.Producer(ctx, near); err != nil {
		return nil, err
	}
	a.producer, err = c.Producer(ctx, far)
	return a, err
}

func (a *arena) startRedis(ctx context.Context) (err error) {
	if a.masters > 0 {
		a.redis, err = rig.StartCluster(ctx, a.masters)
	} else {
		var single *rig.Redis
		if single, err = rig.StartRedis(ctx, a.durable); err == nil {
			a.redis = rig.Cluster{single}
		}
	}
	for _, node := range a.redis {
		a.stores = append(a.stores, node.PID())
	}
	return err
}

func (a *arena) simulate() (err error) {
	config := dyplstest.Config{
		Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", max(a.numbers, 1))}}, LedgerLimit: 1,
	}
	if a.api > 0 {
		config.Faults = []dyplstest.Fault{{Do: dyplstest.Slow, Delay: a.api}}
	}
	if a.quota > 0 {
		config.Quotas = map[string]int{bindAction: a.quota}
	}
	if a.ledger {
		config.LedgerLimit = -1
	}
	a.sim, err = dyplstest.Serve(config)
	return err
}

// reach returns the address at which something is as far away as it is to be.
func (a *arena) reach(addr string) (string, error) {
	if a.roundTrip == 0 {
		return addr, nil
	}
	var err error
	if a.line, err = rig.Lay(addr, a.roundTrip); err != nil {
		return "", err
	}
	return a.line.Addr, nil
}

// calls counts those that have reached the API.
func (a *arena) calls() int {
	ledger := a.sim.Ledger()
	if len(ledger) == 0 {
		return 0
	}
	return ledger[len(ledger)-1].Seq
}

// close ends everything.
func (a *arena) close() error {
	a.dismiss()
	var errs []error
	for _, p := range []contender.Producer{a.producer, a.filler} {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	if a.line != nil {
		errs = append(errs, a.line.Close())
	}
	if a.redis != nil {
		errs = append(errs, a.redis.Close())
	}
	if a.sim != nil {
		a.sim.Close()
	}
	return errors.Join(errs...)
}

// pause waits, less where ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
