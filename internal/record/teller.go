package record

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	tellAtMost = 500    // in one round trip
	untoldMost = 20_000 // that wait; the reaper tells what is beyond
	// tellPause is between two round trips, so that a busy process needs few: the first of a lull is told at once.
	tellPause = 10 * time.Millisecond
)

// Teller tells outcomes behind the back of whoever settled them, many at a time: nobody waits for the stream and the index.
// What it does not come to tell, because its process ends or Redis is away, the reaper finds in the index and tells.
type Teller struct {
	store Store

	mu      sync.Mutex
	untold  []Open
	arrived chan struct{}
}

// NewTeller returns a teller for a store, and the store that leaves its outcomes to it. It does nothing until it runs.
func NewTeller(s Store) (*Teller, Store) {
	t := &Teller{store: Store{redis: s.redis, replicas: s.replicas}, arrived: make(chan struct{}, 1)}
	s.teller = t
	return t, s
}

// Run tells until ctx is done, and then what is left.
func (t *Teller) Run(ctx context.Context) {
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
		case <-t.arrived:
		}
		for told := t.take(); len(told) > 0; told = t.take() {
			t.store.tellAll(context.WithoutCancel(ctx), told)
			if len(told) < tellAtMost {
				pause(ctx, tellPause)
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (t *Teller) add(o Open) {
	t.mu.Lock()
	if len(t.untold) < untoldMost {
		t.untold = append(t.untold, o)
	}
	t.mu.Unlock()
	select {
	case t.arrived <- struct{}{}:
	default:
	}
}

func (t *Teller) take() []Open {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(t.untold), tellAtMost)
	told := t.untold[:n:n]
	t.untold = t.untold[n:]
	return told
}

// tellAll is tell for many: first the stream, then the index, and nothing else where that fails.
func (s Store) tellAll(ctx context.Context, told []Open) {
	if s.Tell(ctx, told) != nil {
		return
	}
	var shards [indexShards][]any
	for _, o := range told {
		shard := shardOf(o.ID)
		shards[shard] = append(shards[shard], o.ID)
	}
	_, _ = s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for shard, ids := range shards {
			if ids != nil {
				p.ZRem(ctx, indexKey(shard), ids...)
			}
		}
		return nil
	})
}
