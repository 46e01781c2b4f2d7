package record

import (
	"context"
	"sync"
	"time"
)

const (
	tellAtMost = 500    // in one round trip
	untoldMost = 20_000 // that wait; the reaper tells what is beyond
	// tellPause is between two round trips, so that a busy process needs few: the first of a lull is
	// told at once.
	tellPause = 10 * time.Millisecond
	// tellWithin bounds one round trip, and lastWithin all of them from the end of the process on: it
	// must not outstay its time because Redis is away.
	tellWithin, lastWithin = 3 * time.Second, 2 * time.Second
)

// Teller tells outcomes behind the back of whoever settled them, many at a time: nobody waits for
// the stream and the index. What it does not come to tell, because its process ends or Redis is
// away, the reaper finds in the index and tells.
type Teller struct {
	store Store

	mu      sync.Mutex
	untold  []Open
	arrived chan struct{}

	unwoken []Open // whose outcome somebody may wait for
	waking  chan struct{}
}

// NewTeller returns a teller for a store, and the store that leaves its outcomes to it. It does
// nothing until it runs.
func NewTeller(s Store) (*Teller, Store) {
	t := &Teller{
		store:   Store{redis: s.redis, replicas: s.replicas, wakeUps: s.wakeUps, keys: s.keys},
		arrived: make(chan struct{}, 1), waking: make(chan struct{}, 1),
	}
	s.teller = t
	return t, s
}

// Run tells until ctx is done, and then what is left, unless Redis is away.
func (t *Teller) Run(ctx context.Context) {
	var waking sync.WaitGroup
	defer waking.Wait()
	if t.store.wakeUps != nil {
		waking.Go(func() { // without the pauses, because somebody waits
			t.each(
				ctx,
				t.waking,
				&t.unwoken,
				func(ctx context.Context, woken []Open) error { return t.store.Wake(ctx, woken) },
			)
		})
	}
	t.each(ctx, t.arrived, &t.untold, func(tell context.Context, told []Open) error {
		err := t.store.tellAll(tell, told)
		if len(told) < tellAtMost {
			pause(ctx, tellPause)
		}
		return err
	})
}

// each does something with all that arrives until ctx is done, and then with what is left, until
// that fails or has taken too long.
func (t *Teller) each(
	ctx context.Context,
	arrived <-chan struct{},
	from *[]Open,
	do func(context.Context, []Open) error,
) {
	var ends time.Time
	for {
		select {
		case <-ctx.Done():
		case <-arrived:
		}
		for taken := t.take(from); len(taken) > 0; taken = t.take(from) {
			within := tellWithin
			if ctx.Err() != nil {
				if ends.IsZero() {
					ends = time.Now().Add(lastWithin)
				}
				within = time.Until(ends)
			}
			one, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
			err := do(one, taken)
			cancel()
			if ctx.Err() != nil && err != nil {
				return
			}
		}
		if ctx.Err() != nil {
			return
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
