package tasks

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// batch hands entries over, one after the other, and acknowledges each. Its error is that of Redis:
// what it did not get to stays unfinished.
func (f *follower) batch(ctx context.Context, entries []redis.XMessage) error {
	if len(entries) == 0 {
		return nil
	}
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i], _ = e.Values[record.StreamID].(string)
	}
	outcomes, err := f.queue.Outcomes(ctx, ids...)
	if err != nil {
		return err
	}
	var done atomic.Int64
	release := f.keep(ctx, entries, &done)
	defer release()
	for i, e := range entries {
		if err := f.one(ctx, e.ID, outcomes[i]); err != nil {
			return err
		}
		done.Store(int64(i + 1))
	}
	return nil
}

// one hands an outcome over. One that is pending again is told again when it is settled; an entry
// without an id was trimmed before it could be read.
func (f *follower) one(ctx context.Context, entry string, o Outcome) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if o.ID != "" && o.State != StatePending {
		if err := f.handle(ctx, o); err != nil {
			f.refuse()
			return nil
		}
	}
	ackCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTimeout)
	defer cancel()
	return f.redis.XAck(ackCtx, record.Stream, f.group, entry).Err()
}

// refuse has what was refused offered again: the longer it goes on, the later.
func (f *follower) refuse() {
	if !f.refused {
		f.refused = true
		f.replay(time.Now().Add(f.refusal))
		f.refusal = min(2*f.refusal, lastRefusal)
	}
}

// keep claims what is left of a batch anew while it lasts, so that others do not take this consumer
// for gone.
func (f *follower) keep(
	ctx context.Context,
	entries []redis.XMessage,
	done *atomic.Int64,
) (release func()) {
	ctx, cancel := context.WithCancel(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() {
		tick := time.NewTicker(keepEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			rest := entries[done.Load():]
			ids := make([]string, len(rest))
			for i, e := range rest {
				ids[i] = e.ID
			}
			if len(ids) > 0 {
				_ = f.redis.XClaimJustID(ctx, &redis.XClaimArgs{
					Stream: record.Stream, Group: f.group, Consumer: f.consumer, Messages: ids,
				}).Err()
			}
		}
	})
	return func() {
		cancel()
		keeping.Wait()
	}
}
