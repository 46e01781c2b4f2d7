package consumergroup

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// keeps is how often entries are claimed anew within the time after which others take them over.
const keeps = 3

// Each hands entries over, one after the other by their numbers, and acknowledges those that handle
// takes. An error, of Redis, ends it: what it did not get to is handed over again.
func (r *Reader) Each(
	ctx context.Context,
	entries []redis.XMessage,
	handle func(i int) (taken bool, err error),
) error {
	var done atomic.Int64
	release := r.keep(ctx, entries, &done)
	defer release()
	for i, e := range entries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		taken, err := handle(i)
		if err == nil && taken {
			_, err = r.Acknowledge(ctx, e.ID)
		}
		if err != nil {
			return err
		}
		if !taken {
			r.Refuse()
		}
		done.Store(int64(i + 1))
	}
	return nil
}

// keep claims what is left of entries anew while it lasts, so that others do not take this consumer
// for gone.
func (g Group) keep(
	ctx context.Context,
	entries []redis.XMessage,
	done *atomic.Int64,
) (release func()) {
	ctx, cancel := context.WithCancel(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() {
		tick := time.NewTicker(g.Idle / keeps)
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
				_ = g.claim(ctx, 0, ids).Err()
			}
		}
	})
	return func() {
		cancel()
		keeping.Wait()
	}
}
