package reaper

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

var (
	//go:embed lua/discard.lua
	discardLua    string
	discardScript = redis.NewScript(discardLua)
)

const (
	// asynqLease is how long a delivery is a process' own from when it was fetched, or renewed last.
	asynqLease = 30 * time.Second
	// renewedEvery is more than the 5 s after which asynq renews it: what is older belongs to a
	// process that ended, or hangs.
	renewedEvery = 8 * time.Second
)

// suspectsPerStep is how many deliveries that nobody performs are mended under one hold of the
// lock.
const suspectsPerStep = 256

// suspect is a delivery that asynq believes to be performed, without a lease that holds.
type suspect struct {
	queue, id string
	lease     time.Time // the zero time for none
}

// seen is what a delivery looked like: where it has changed since, it is left alone.
type seen struct {
	message string
	lapsed  time.Time // a lease until then does not count
	note    string    // with which the message is to be kept

	superseded bool // asynq would perform it again, which is right unless there is a newer one
}

// repairQueues mends what stands still in asynq, which looks only at tasks whose lease lapsed half
// a minute ago, and at none while one of them cannot be read.
func (r *Reaper) repairQueues(ctx context.Context) error {
	now, suspects, silent, err := r.suspects(ctx)
	if err != nil {
		return err
	}
	if err := r.Records.Hurry(ctx, silent...); err != nil {
		return err
	}
	for step := range slices.Chunk(suspects, suspectsPerStep) {
		if err := r.renewLock(ctx); err != nil {
			return err
		}
		messages := make([]*redis.StringCmd, len(step))
		_, err := r.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, s := range step {
				messages[i] = p.HGet(ctx, asynqwire.Queue(s.queue).Task(s.id), "msg")
			}
			return nil
		})
		if err != nil && !errors.Is(err, redis.Nil) {
			return fmt.Errorf("read messages: %w", err)
		}
		for i, s := range step {
			if err := r.repair(ctx, now, s, messages[i].Val()); err != nil {
				return err
			}
		}
	}
	return nil
}

// suspects are the deliveries in every queue's active list without a lease, or with one that
// lapsed. The tasks of those that somebody should have renewed are silent: their record knows
// whether a run of theirs is over.
func (r *Reaper) suspects(
	ctx context.Context,
) (now time.Time, suspects []suspect, silent []string, err error) {
	queues, err := r.activeQueues(ctx)
	if err != nil || len(queues) == 0 {
		return now, nil, nil, err
	}
	ids, leases := make([]*redis.StringSliceCmd, len(queues)), make([]*redis.ZSliceCmd, len(queues))
	now = time.Now() // leases are of the processes' clocks
	_, err = r.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, name := range queues {
			ids[i] = p.LRange(ctx, asynqwire.Queue(name).Key(asynqwire.Active), 0, -1)
			leases[i] = p.ZRangeWithScores(ctx, asynqwire.Queue(name).Key(asynqwire.Lease), 0, -1)
		}
		return nil
	})
	if err != nil {
		return now, nil, nil, fmt.Errorf("read queues: %w", err)
	}
	for i, name := range queues {
		until := make(map[any]time.Time, len(leases[i].Val()))
		for _, z := range leases[i].Val() {
			until[z.Member] = time.Unix(int64(z.Score), 0)
		}
		for _, id := range ids[i].Val() {
			lease := until[id]
			if !lease.After(now) {
				suspects = append(suspects, suspect{queue: name, id: id, lease: lease})
			}
			if task := asynqwire.IDOfDelivery(id); task != "" &&
				lease.Before(now.Add(asynqLease-renewedEvery)) {
				silent = append(silent, task)
			}
		}
	}
	return now, suspects, silent, nil
}

// activeQueues are those of which asynq believes that deliveries are performed. The others are
// asked for nothing more.
func (r *Reaper) activeQueues(ctx context.Context) ([]string, error) {
	queues, err := r.Dispatch.Names(ctx)
	if err != nil {
		return nil, fmt.Errorf("read queues: %w", err)
	}
	lengths := make([]*redis.IntCmd, len(queues))
	_, err = r.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, name := range queues {
			lengths[i] = p.LLen(ctx, asynqwire.Queue(name).Key(asynqwire.Active))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read queues: %w", err)
	}
	var active []string
	for i, name := range queues {
		if lengths[i].Val() > 0 {
			active = append(active, name)
		}
	}
	return active, nil
}

// repair has the task of a delivery that nobody performs delivered anew where it needs that, and
// only then takes the old one out of asynq, which would deliver it beside the new one, or stumble
// over it.
func (r *Reaper) repair(ctx context.Context, now time.Time, s suspect, message string) error {
	id, number := asynqwire.IDOfDelivery(s.id), asynqwire.NumberOfDelivery(s.id)
	old := seen{message: message, lapsed: now}
	what := "removed a delivery that no worker performs"
	switch {
	case message == "":
		what = "removed a delivery without a message"
	case !asynqwire.Readable([]byte(message)):
		what, old.note = "set aside an unreadable message", now.UTC().Format(time.RFC3339)
	case s.lease.IsZero():
	case s.lease.Add(leaseGrace).After(now): // by the clock of another process
		return nil
	default:
		old.superseded = true
	}
	if err := r.deliverAnew(ctx, id, number); err != nil {
		return err
	}
	if old.superseded { // or its task needs no other, and it is left to asynq
		opened, err := r.Records.Opened(ctx, id)
		if err != nil || opened[0].Delivery <= number {
			return err
		}
	}
	done, err := r.discard(ctx, s.id, s.queue, old)
	if done {
		r.repaired(id, what)
	}
	return err
}

func (r *Reaper) deliverAnew(ctx context.Context, id string, over int64) error {
	if id == "" || over == 0 {
		return nil
	}
	made, err := r.Dispatch.Redeliver(ctx, id, over)
	if made {
		r.repaired(id, "redelivered: its worker is gone")
	}
	return err
}

// discard takes a delivery out of asynq, unless it has changed.
func (r *Reaper) discard(ctx context.Context, id, queue string, s seen) (bool, error) {
	k := asynqwire.Queue(queue)
	keys := []string{
		k.Task(id),
		k.Key(asynqwire.Active),
		k.Key(asynqwire.Lease),
		k.Key(asynqwire.Pending),
		k.Key(asynqwire.Scheduled),
		k.Key(asynqwire.Retry),
		k.Key(asynqwire.Archived),
		k.Key(asynqwire.Completed),
		quarantine(queue),
	}
	done, err := discardScript.Run(ctx, r.Redis, keys, id, s.message, s.lapsed.Unix(), s.note).Bool()
	if err != nil {
		return false, fmt.Errorf("discard: %w", err)
	}
	return done, nil
}
