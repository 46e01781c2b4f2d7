package worker

import (
	"context"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
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

// settleLease asks a task's record what came of its bind. A task that is not over, or uncertain, keeps its number. A success
// is told to the inventory before the record, so that there is nothing to make up for.
func (w *Worker) settleLease(ctx context.Context, pool string, h inventory.Holding) error {
	records, err := w.records.Read(ctx, h.Task)
	if err != nil {
		return err
	}
	switch records[0].State {
	case record.Failed, "":
		_, err := w.numbers.Release(ctx, inventory.Refusal{Pool: pool, Task: h.Task, X: h.X})
		if err == nil {
			w.log.Warn().Str("id", h.Task).Msg("a number that was still leased after its task ended is free again")
		}
		return err
	default:
		return nil
	}
}
