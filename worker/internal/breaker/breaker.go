package worker

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
)

const (
	// probeLease is how long one probe may take: its wait for a slot and, shortly, for a call to end, and its own call.
	probeLease = 30 * time.Second
	// jitterPart is the part of the first interval over which held tasks come back.
	jitterPart = 6
	// probeSoon is the part of it after which those ask again that found a probe under way.
	probeSoon = 15
	// scopeKept is how long a scope stands that nobody probes: none of its calls waits any more.
	scopeKept = 24 * time.Hour
	// closedKept is how long it is remembered when a scope was closed: no call is out for longer.
	closedKept = time.Hour
)

// breaker holds back what would be denied, for all workers: while a scope is open, one call at a time finds out whether it still
// is, and everything else stays in the queue. A closed breaker costs nothing: what is open is known here, from messages
// and an occasional look.
type breaker struct {
	worker  *Worker
	account string
	key     string
	log     zerolog.Logger
	opened  atomic.Int32 // scopes that are open

	mu     sync.Mutex
	probes map[string]time.Time // open scopes, and when the next probe may go
	closed map[string]time.Time // when others were closed last
}

func newBreaker(w *Worker, account string) *breaker {
	return &breaker{
		worker: w, account: account, key: breakers.Key(account), log: accountLog(w.config, account), probes: map[string]time.Time{}, closed: map[string]time.Time{},
	}
}

// pass says whether a call may be made, and of which scopes it is the probe. The error is a *heldError.
func (b *breaker) pass(ctx context.Context, action, pool, run string) (probes []string, err error) {
	if b.opened.Load() == 0 {
		return nil, nil
	}
	due, err := b.due(action, pool)
	if err != nil {
		return nil, err
	}
	for _, scope := range due {
		verdict, wait, err := b.probe(ctx, scope, run)
		switch {
		case err != nil: // Redis is away: so is the record
			b.yield(ctx, probes, run, 0)
			return nil, &heldError{delay: redisAway, reason: "redis is out of reach"}
		case verdict == breakerProbe:
			probes = append(probes, scope)
		case verdict == breakerHeld:
			b.yield(ctx, probes, run, 0)
			return nil, &heldError{delay: min(wait, b.first()/probeSoon) + b.jitter(), reason: scope + " is denied: another task finds out"}
		}
	}
	return probes, nil
}

// due returns the scopes of a call that are open and may be probed. Where one may not, it says until when.
func (b *breaker) due(action, pool string) ([]string, error) {
	if b.opened.Load() == 0 {
		return nil, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var due []string
	for _, scope := range scopes(action, pool) {
		at, open := b.probes[scope]
		if !open {
			continue
		}
		if wait := time.Until(at); wait > 0 {
			return nil, &heldError{delay: wait + b.jitter(), reason: scope + " is denied"}
		}
		due = append(due, scope)
	}
	return due, nil
}

// knowsPools reports whether a breaker of some pool is open, so that it matters which pool a task is for.
func (b *breaker) knowsPools() bool {
	if b.opened.Load() == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for scope := range b.probes {
		if strings.HasPrefix(scope, breakers.Pool) {
			return true
		}
	}
	return false
}

// endpointAway reports whether the endpoint's scope is open, as far as this worker has heard.
func (b *breaker) endpointAway() bool {
	if b.opened.Load() == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, open := b.probes[breakers.Endpoint]
	return open
}

// untilProbe returns how long it is until a probe of an open scope may go.
func (b *breaker) untilProbe(scope string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Until(b.probes[scope])
}

// closedSince reports whether a scope was closed after a moment: a call that left before says nothing new.
func (b *breaker) closedSince(scope string, left time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return left.Before(b.closed[scope])
}

// heard takes in an answer that was not denied: the scopes that the call was the probe of are open no more.
func (b *breaker) heard(ctx context.Context, probes []string) {
	for _, scope := range probes {
		b.close(ctx, scope)
	}
}

// denied takes in an answer that was, to a call that left at a moment, and returns when to try again. A call that left before
// the breaker was closed says nothing new.
func (b *breaker) denied(ctx context.Context, scope, code, run string, left time.Time) time.Duration {
	if b.closedSince(scope, left) {
		return b.jitter()
	}
	return b.trip(ctx, scope, code, run) + b.jitter()
}

func (b *breaker) set(scope string, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probes[scope] = time.Now().Add(wait)
	b.opened.Store(int32(len(b.probes))) //nolint:gosec // few
}

func (b *breaker) unset(scope string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.probes, scope)
	b.wasClosed(scope)
	b.opened.Store(int32(len(b.probes))) //nolint:gosec // few
}

// replace takes in which scopes are open, all of them.
func (b *breaker) replace(open map[string]time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for scope := range b.probes {
		if _, still := open[scope]; !still {
			b.wasClosed(scope)
		}
	}
	b.probes = open
	b.opened.Store(int32(len(open))) //nolint:gosec // few
}

// wasClosed remembers when a scope was closed, for as long as a call that left before may be out. The caller holds the lock.
func (b *breaker) wasClosed(scope string) {
	now := time.Now()
	maps.DeleteFunc(b.closed, func(_ string, at time.Time) bool { return now.Sub(at) > closedKept })
	b.closed[scope] = now
}

func (t timing) firstProbe() time.Duration   { return cmp.Or(t.probeFirst, deniedBase) }
func (t timing) longestProbe() time.Duration { return cmp.Or(t.probeMost, deniedCap) }
func (t timing) leaseOfProbe() time.Duration { return cmp.Or(t.probeLease, probeLease) }

func (b *breaker) first() time.Duration { return b.worker.timing.firstProbe() }

// probeIntervals are the first and the longest pause between probes of a scope.
func (t timing) probeIntervals(scope string) (first, longest time.Duration) {
	first, longest = t.firstProbe(), t.longestProbe()
	if scope == breakers.Endpoint {
		return min(first, endpointFirst), min(longest, endpointMost)
	}
	return first, longest
}

func (b *breaker) jitter() time.Duration { return b.jitterOf(breakers.Account) }

func (b *breaker) jitterOf(scope string) time.Duration {
	first, _ := b.worker.timing.probeIntervals(scope)
	return rand.N(first / jitterPart) //nolint:gosec // spreads load; guards nothing
}
