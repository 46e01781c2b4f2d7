// Package sampler writes into the history how much waits, what the quotas are, and how the pools
// stand: once a minute, by one of all workers.
package sampler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/history"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/quota"
)

const (
	// sampledKey is there while it is too early for the next sample, whichever worker wants to take
	// it.
	sampledKey = "dypls:history:sampled"
	// every is the time between two samples, less what the timers of workers differ.
	every = 55 * time.Second
	// poolsEvery is in which minutes pools are sampled: these change slowly, and may be many.
	poolsEvery = 5
	// mostPools and mostAccounts are how many are sampled: the first by name.
	mostPools, mostAccounts = 100, 32
)

// Config says what a [Sampler] needs.
type Config struct {
	Redis   redis.UniversalClient
	Shards  int      // of each queue
	Actions []string // whose quotas are looked at
	Numbers *inventory.Inventory
	Now     func() time.Time
}

// Sampler takes samples.
type Sampler struct {
	Config

	sampledPools time.Time
}

// New returns the sampler of one worker.
func New(c Config) *Sampler { return &Sampler{Config: c} }

// Sample takes one, unless one was taken less than a minute ago. It costs some 20 commands where
// there are no pools. It is for one goroutine.
func (s *Sampler) Sample(ctx context.Context) error {
	mine, err := s.Redis.SetNX(ctx, sampledKey, 1, every).Result()
	if err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	if !mine {
		return nil
	}
	if err := errors.Join(s.queues(ctx), s.quotas(ctx), s.pools(ctx)); err != nil {
		return fmt.Errorf("sample: %w", err)
	}
	return nil
}

// queues samples how long the first of each queue has been due, and how many are.
func (s *Sampler) queues(ctx context.Context) error {
	names, err := dispatch.Names(ctx, s.Redis, s.Shards)
	if err != nil {
		return err
	}
	first, pending := make([]*redis.StringCmd, len(names)), make([]*redis.IntCmd, len(names))
	_, err = s.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, name := range names {
			key := asynqwire.Queue(name).Key(asynqwire.Pending)
			first[i], pending[i] = p.LIndex(ctx, key, -1), p.LLen(ctx, key)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	now, waiting := s.Now(), history.Values{}
	for i, name := range names {
		if pending[i].Val() == 0 {
			continue
		}
		// nanoseconds, by the clock of whoever made it due
		due, err := s.Redis.HGet(ctx, asynqwire.Queue(name).Task(first[i].Val()), "pending_since").Int64()
		if err != nil && !errors.Is(err, redis.Nil) {
			return err
		}
		queue, _ := dispatch.QueueOf(name)
		stands := waiting[queue]
		if stands == nil {
			stands = make([]int64, history.Pending+1)
			waiting[queue] = stands
		}
		if due > 0 {
			stands[history.OldestMS] = max(
				stands[history.OldestMS], now.Sub(time.Unix(0, due)).Milliseconds(),
			)
		}
		stands[history.Pending] += pending[i].Val()
	}
	return history.Write(ctx, s.Redis, history.Queues, now, waiting)
}

// quotas samples the rates of those that are in use.
func (s *Sampler) quotas(ctx context.Context) error {
	accounts, err := presence.Read(ctx, s.Redis)
	if err != nil {
		return err
	}
	rates := history.Values{}
	for _, account := range accounts.Known[:min(len(accounts.Known), mostAccounts)] {
		known, err := quota.Read(ctx, s.Redis, account, s.Actions...)
		if err != nil {
			return err
		}
		for _, k := range known {
			const milli = 1000
			row := []int64{int64(k.Rate * milli), 0}
			if k.Throttled {
				row[history.IsThrottled] = 1
			}
			rates[history.Budget(account, k.Action)] = row
		}
	}
	if len(rates) == 0 {
		return nil
	}
	return history.Write(ctx, s.Redis, history.Quota, s.Now(), rates)
}

// pools samples where the numbers of each pool stand, every few minutes.
func (s *Sampler) pools(ctx context.Context) error {
	now := s.Now()
	if now.Minute()%poolsEvery != 0 && now.Sub(s.sampledPools).Abs() < poolsEvery*time.Minute {
		return nil
	}
	pools, err := s.Numbers.Pools(ctx)
	if err != nil {
		return err
	}
	s.sampledPools = now
	stand := history.Values{}
	var errs error
	for _, pool := range pools[:min(len(pools), mostPools)] {
		n, err := s.Numbers.Counts(ctx, pool)
		if err != nil {
			errs = cmp.Or(errs, err)
			continue
		}
		stand[pool] = []int64{
			history.Free: int64(n.Free), history.Resting: int64(n.Resting), history.Leased: int64(n.Leased),
			history.Bound: int64(n.Bound), history.Aside: int64(n.Aside), history.Leaving: int64(n.Leaving),
		}
	}
	if len(stand) == 0 {
		return errs
	}
	return errors.Join(errs, history.Write(ctx, s.Redis, history.Pools, now, stand))
}
