package quota

import (
	"context"
	"sync"
	"time"
)

const (
	// longestWait is how long a delivery waits in its place for a token, or for the news that there is
	// none soon.
	longestWait = 5 * time.Second
	// outrun is about how long a delivery stays in the queue that has waited in vain: others were
	// before it.
	outrun = 2 * time.Second
	// askTimeout bounds one question to Redis.
	askTimeout = time.Second
)

// ThrottledError says that no call may leave soon.
type ThrottledError struct {
	Reason  string
	Evicted bool // another has taken the place of the one who waited
	delay   time.Duration
}

func (e *ThrottledError) Error() string { return e.Reason }

// RetryAfter is when to come back.
func (e *ThrottledError) RetryAfter() time.Duration { return e.delay }

// Bucket is what all workers together may call of one action, as one of them sees it. Callers take
// tokens; while any of them waits, one goroutine asks the script and hands out what it grants.
type Bucket struct {
	limiter        *Limiter
	name           string // of an action, or a pool
	keys           []string
	ceiling, start float64

	mu        sync.Mutex
	clock     serverClock
	allotment allotment
	queue     []*waiter
	waiting   int // of queue, those who have not gone away
	serving   bool
	kick      chan struct{}

	usedAt time.Time // by one who wanted a token
	booked time.Time // until when times are suggested to those who were sent away
}

// waiter is a caller who waits for a token.
type waiter struct {
	token chan Token // one, or closed when there is none soon
	gone  bool
}

func newBucket(l *Limiter, name string, ceiling, start float64) *Bucket {
	return &Bucket{
		limiter: l,
		name:    name,
		keys:    bucketKeys(l.config.Account, name),
		ceiling: ceiling,
		start:   min(start, ceiling),
		usedAt:  time.Now(),
		clock:   newServerClock(),
		kick:    make(chan struct{}, 1),
	}
}

// Acquire waits for a token, unless it is evicted meanwhile; evict may be nil. The error is a
// *ThrottledError where no token is near, or the context's.
func (b *Bucket) Acquire(ctx context.Context, evict <-chan struct{}) (Token, error) {
	w, one, err := b.enter()
	if w == nil {
		return one, err
	}
	patience := time.NewTimer(longestWait)
	defer patience.Stop()
	select {
	case one, ok := <-w.token:
		if !ok {
			return Token{}, b.throttled()
		}
		return one, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-patience.C:
		err = &ThrottledError{delay: spread(outrun), Reason: b.name + ": its turn is not near"}
	case <-evict:
		err = &ThrottledError{
			delay:   b.Backoff(),
			Reason:  b.name + ": its turn is not near, and others need the place",
			Evicted: true,
		}
	}
	b.leave(w)
	return Token{}, err
}

// enter returns a token where one is there, and joins the queue otherwise.
func (b *Bucket) enter() (*waiter, Token, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.usedAt = time.Now()
	now := b.clock.micros(b.usedAt)
	if b.waiting == 0 {
		if one, ok := b.allotment.take(now); ok {
			return nil, one, nil
		}
	}
	if b.allotment.askAt > now+longestWait.Microseconds() {
		return nil, Token{}, b.throttledUntil(b.allotment.askAt)
	}
	w := &waiter{token: make(chan Token, 1)}
	b.queue = append(b.queue, w)
	b.waiting++
	b.serve()
	return w, Token{}, nil
}

// idleSince reports whether nobody has wanted a token since then, and nothing is under way.
func (b *Bucket) idleSince(then time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.serving && b.usedAt.Before(then)
}

// leave gives up waiting.
func (b *Bucket) leave(w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case one, ok := <-w.token: // it came at the last moment
		if ok {
			b.allotment.putBack(one, b.clock.micros(time.Now()))
			b.wake()
		}
	default:
		w.gone = true
		b.waiting--
	}
}

// Name is that of an action, or pool: and a pool's key.
func (b *Bucket) Name() string { return b.name }

// Release takes a token back whose call was not made.
func (b *Bucket) Release(one Token) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.allotment.putBack(one, b.clock.micros(time.Now()))
	b.wake()
}

// wake lets those who wait have what was put back. The caller holds the lock.
func (b *Bucket) wake() {
	if b.waiting > 0 {
		b.serve()
	}
}

// Report takes in what came of a call that left at a moment. left is how long the vendor says that
// the window lasts in which the call arrived: a call that leaves so much later arrives in the next
// one.
func (b *Bucket) Report(leftAt time.Time, throttled bool, left time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.clock.micros(leftAt)
	switch {
	case !throttled:
		b.allotment.accepted(at)
	case left > 0:
		b.allotment.throttled(at, at+left.Microseconds())
	default:
		b.allotment.throttled(at, 0)
	}
	if b.allotment.seen.atOnce {
		b.serve()
	}
}

// hear takes in news.
func (b *Bucket) hear(epoch, closedAt int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.allotment.hear(epoch, closedAt)
	b.serve()
}

func (b *Bucket) throttled() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.throttledUntil(b.allotment.askAt)
}

func (b *Bucket) throttledUntil(askAt int64) error {
	return &ThrottledError{
		delay:  max(b.clock.until(askAt), 0) + spread(time.Second),
		Reason: b.name + ": throttled",
	}
}
