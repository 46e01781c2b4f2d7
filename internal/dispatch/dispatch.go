// Package dispatch is what tasks and workers share of asynq's queues: their names and shards, the
// one that a task goes to, and its deliveries.
package dispatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redisdial"
)

// Config says what a [Dispatcher] needs.
type Config struct {
	Redis   redis.UniversalClient
	Records record.Store
	Shards  int // of each queue
	// QueueOf returns the queue of an action's tasks, and whether this version knows the action.
	QueueOf func(action string) (queue string, known bool)
	Now     func() time.Time
}

// Dispatcher puts deliveries of tasks into queues.
type Dispatcher struct {
	Config

	asynq     *asynq.Client
	inspector *asynq.Inspector
	scripts   map[string]*asynqScript // of asynq, by SHA-1: what makes deliveries
	named     sync.Map                // queues that asynq's set has by us
	spread    spread
	names     nameList
}

// New returns a dispatcher.
func New(c Config) *Dispatcher {
	return &Dispatcher{
		Config:    c,
		asynq:     asynq.NewClientFromRedisClient(c.Redis),
		inspector: asynq.NewInspectorFromRedisClient(c.Redis),
		scripts:   asynqScripts(),
	}
}

// tries is how often a step is made whose reply is lost.
const tries = 3

// Again repeats a step whose reply may have been lost: each finds what an earlier try of it left.
func Again(ctx context.Context, step func() error) error {
	var err error
	for range tries {
		err = step()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, answered := errors.AsType[redis.Error](err); answered {
			break
		}
		if _, short := errors.AsType[*record.ShortageError](err); short {
			break
		}
		if _, mistaken := errors.AsType[*redisdial.MismatchError](err); mistaken {
			break
		}
	}
	return err
}

// Redeliver makes the next delivery of a task whose n-th is over although the task needs one: it
// was never handed to asynq, its worker died, or somebody archived it. It reports whether it made
// one: a task that is performed by a run whose claim holds, settled or unknown needs none. To ask
// twice makes one delivery.
func (d *Dispatcher) Redeliver(ctx context.Context, id string, over int64) (bool, error) {
	opened, err := d.Records.Opened(ctx, id)
	if err != nil {
		return false, err
	}
	queue, known := d.QueueOf(opened[0].Action)
	if !known { // unknown, or left for a newer version
		return false, nil
	}
	next, err := d.Next(ctx, id, over)
	if err != nil || next == 0 {
		return false, err
	}
	delivery := Delivery{Action: opened[0].Action, ID: id, Account: opened[0].Account, Number: next}
	if opened[0].State == record.Queued {
		delivery.At = opened[0].ProcessAt
	}
	there, err := d.Put(ctx, d.Place(ctx, queue, id), delivery)
	return !there, err
}

// Next counts the delivery that follows the n-th of a task, and returns its number, 0 where the
// task needs none.
func (d *Dispatcher) Next(ctx context.Context, id string, over int64) (next int64, err error) {
	err = Again(ctx, func() error {
		next, err = d.Records.Redeliver(ctx, id, over)
		return err
	})
	return next, err
}

// IsArchived reports whether asynq has archived a delivery.
func (d *Dispatcher) IsArchived(
	ctx context.Context,
	queue, id string,
	number int64,
) (archived bool, err error) {
	err = Again(ctx, func() error {
		info, err := d.inspector.GetTaskInfo(queue, asynqwire.DeliveryID(id, number))
		archived = err == nil && info.State == asynq.TaskStateArchived
		if errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound) {
			return nil
		}
		return err
	})
	return archived, err
}
