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

	unwoken []Open // whose outcome somebody may wait for
	waking  chan struct{}
}

// NewTeller returns a teller for a store, and the store that leaves its outcomes to it. It does nothing until it runs.
func NewTeller(s Store) (*Teller, Store) {
	t := &Teller{
		store:   Store{redis: s.redis, replicas: s.replicas, wakeUps: s.wakeUps},
		arrived: make(chan struct{}, 1), waking: make(chan struct{}, 1),
	}
	s.teller = t
	return t, s
}

// Run tells until ctx is done, and then what is left.
func (t *Teller) Run(ctx context.Context) {
	var waking sync.WaitGroup
	defer waking.Wait()
	if t.store.wakeUps != nil {
		waking.Go(func() { t.wake(ctx) })
	}
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
		case <-t.arrived:
		}
		for told := t.take(&t.untold); len(told) > 0; told = t.take(&t.untold) {
			t.store.tellAll(context.WithoutCancel(ctx), told)
			if len(told) < tellAtMost {
				pause(ctx, tellPause)
			}
		}
	}
}

// wake wakes until ctx is done, without the pauses of Run: somebody waits.
func (t *Teller) wake(ctx context.Context) {
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
		case <-t.waking:
		}
		for woken := t.take(&t.unwoken); len(woken) > 0; woken = t.take(&t.unwoken) {
			t.store.Wake(ctx, woken)
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
	if t.store.wakeUps != nil && len(t.unwoken) < untoldMost {
		t.unwoken = append(t.unwoken, o)
	}
	t.mu.Unlock()
	for _, arrived := range []chan struct{}{t.arrived, t.waking} {
		select {
		case arrived <- struct{}{}:
		default:
		}
	}
}

func (t *Teller) take(from *[]Open) []Open {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(*from), tellAtMost)
	taken := (*from)[:n:n]
	*from = (*from)[n:]
	return taken
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
