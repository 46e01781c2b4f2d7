package worker

import (
	"context"
	"sync"
	"time"
)

const (
	// longestWait is how long a delivery waits in its place for a slot, or for the news that there is none soon.
	longestWait = 5 * time.Second
	// crowded is about how long a delivery stays in the queue that has waited in vain: others were before it.
	crowded = 2 * time.Second
	// askTimeout bounds one question to Redis.
	askTimeout = time.Second
)

// heldError says that no call may leave soon.
type heldError struct {
	delay    time.Duration
	reason   string
	madeRoom bool // its place among those who get ready is another's now
}

func (e *heldError) Error() string { return e.reason }

// budget is what all workers together may call of one action, as one of them sees it. Callers take slots; while any of
// them waits, one goroutine asks the script and hands out what it grants.
type budget struct {
	governor       *governor
	name           string // of an action, or a pool
	keys           []string
	ceiling, start float64

	mu      sync.Mutex
	clock   distantClock
	stock   stock
	queue   []*waiter
	waiting int // of queue, those who have not gone away
	serving bool
	kick    chan struct{}

	usedAt time.Time // by one who wanted a slot
	booked time.Time // until when turns are told to those who were sent away
}

// waiter is a caller who waits for a slot.
type waiter struct {
	slot chan slot // one, or closed when there is none soon
	gone bool
}

func newBudget(g *governor, name string, ceiling, start float64) *budget {
	return &budget{
		governor: g, name: name, keys: budgetKeys(g.account, name), ceiling: ceiling, start: min(start, ceiling), usedAt: time.Now(),
		clock: newDistantClock(), kick: make(chan struct{}, 1),
	}
}

// take waits for a slot, unless it is sent away meanwhile; away may be nil. The error is a *heldError where none is near, or the context's.
func (b *budget) take(ctx context.Context, away <-chan struct{}) (slot, error) {
	w, one, err := b.enter()
	if w == nil {
		return one, err
	}
	patience := time.NewTimer(longestWait)
	defer patience.Stop()
	select {
	case one, ok := <-w.slot:
		if !ok {
			return slot{}, b.held()
		}
		return one, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-patience.C:
		err = &heldError{delay: spread(crowded), reason: b.name + ": its turn is not near"}
	case <-away:
		err = &heldError{delay: b.book(), reason: b.name + ": its turn is not near, and others need the place", madeRoom: true}
	}
	b.leave(w)
	return slot{}, err
}

// enter returns a slot where one is there, and joins the queue otherwise.
func (b *budget) enter() (*waiter, slot, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.usedAt = time.Now()
	now := b.clock.micros(b.usedAt)
	if b.waiting == 0 {
		if one, ok := b.stock.take(now); ok {
			return nil, one, nil
		}
	}
	if b.stock.askAt > now+longestWait.Microseconds() {
		return nil, slot{}, b.heldUntil(b.stock.askAt)
	}
	w := &waiter{slot: make(chan slot, 1)}
	b.queue = append(b.queue, w)
	b.waiting++
	b.serve()
	return w, slot{}, nil
}

// idleSince reports whether nobody has wanted a slot since then, and nothing is under way.
func (b *budget) idleSince(then time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.serving && b.usedAt.Before(then)
}

// leave gives up waiting.
func (b *budget) leave(w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case one, ok := <-w.slot: // it came at the last moment
		if ok {
			b.stock.putBack(one, b.clock.micros(time.Now()))
			b.wake()
		}
	default:
		w.gone = true
		b.waiting--
	}
}

// giveBack takes a slot back whose call was not made.
func (b *budget) giveBack(one slot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stock.putBack(one, b.clock.micros(time.Now()))
	b.wake()
}

// wake lets those who wait have what was put back. The caller holds the lock.
func (b *budget) wake() {
	if b.waiting > 0 {
		b.serve()
	}
}

// saw reports what came of a call that left at a moment. left is how long the vendor says that the window lasts in which the
// call arrived: a call that leaves so much later arrives in the next one.
func (b *budget) saw(leftAt time.Time, throttled bool, left time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.clock.micros(leftAt)
	switch {
	case !throttled:
		b.stock.accepted(at)
	case left > 0:
		b.stock.throttled(at, at+left.Microseconds())
	default:
		b.stock.throttled(at, 0)
	}
	if b.stock.seen.atOnce {
		b.serve()
	}
}

// hear takes in news.
func (b *budget) hear(epoch, closedAt int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stock.hear(epoch, closedAt)
	b.serve()
}

func (b *budget) held() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.heldUntil(b.stock.askAt)
}

func (b *budget) heldUntil(askAt int64) error {
	return &heldError{delay: max(b.clock.until(askAt), 0) + spread(time.Second), reason: b.name + ": throttled"}
}
