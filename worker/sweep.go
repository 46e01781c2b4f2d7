package worker

import (
	"context"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
)

const (
	// sweepEvery is how often each worker looks after the inventories. What it does may be done by several at a time.
	sweepEvery = time.Minute
	// unsettledFor is how long a lease must have been without news: whoever leased it may be about to say what came of it.
	unsettledFor = 2 * time.Minute
)

// sweepNumbers frees numbers whose bindings have expired, and settles leases whose worker ended before it could, until ctx is done.
func (w *Worker) sweepNumbers(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		pools, err := w.numbers.Pools(ctx)
		for _, pool := range pools {
			_, sweepErr := w.numbers.Sweep(ctx, pool)
			err = errors.Join(err, sweepErr, w.numbers.Unsettled(ctx, pool, unsettledFor, func(h inventory.Holding) error {
				return w.settleLease(ctx, pool, h)
			}))
		}
		if err != nil && ctx.Err() == nil {
			w.log.Warn().Err(err).Msg("the inventories could not be looked after: trying again")
		}
	}
}

// settleLease asks a task's record what came of its bind, and tells the inventory: whoever settled the task has not, or may be about to.
// A task that is not over, or uncertain, keeps its number. One that is forgotten may have been bound.
func (w *Worker) settleLease(ctx context.Context, pool string, h inventory.Holding) error {
	records, err := w.records.Read(ctx, h.Task)
	if err != nil {
		return err
	}
	end, over := inventory.EndOf(records[0])
	switch {
	case end.Ask.PoolKey != pool: // no task has the id, or by now another one
		err = w.numbers.Forget(ctx, pool, h)
	case over:
		end.X = h.X
		err = w.numbers.Settle(ctx, end)
	default:
		return nil
	}
	if err == nil {
		w.log.Warn().Str("id", h.Task).Str("state", string(records[0].State)).
			Msg("the inventory is told what came of a bind: whoever settled its task had not done it")
	}
	return err
}
