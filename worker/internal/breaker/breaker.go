// Package breaker holds back, for all workers of an account, calls that would be denied or whose
// answer would be lost.
package breaker

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
)

const (
	// probeLease is how long one probe may take: its wait for a token and, shortly, for a call to end,
	// and its own call.
	probeLease = 30 * time.Second
	// jitterPart is the part of the first interval over which held tasks come back.
	jitterPart = 6
	// probeSoon is the part of it after which those ask again that found a probe under way.
	probeSoon = 15
	// closedKept is how long it is remembered when a scope was closed: no call is out for longer.
	closedKept = time.Hour
	// releaseTimeout bounds one try to give a probe up, whose lease lapses otherwise.
	releaseTimeout = 3 * time.Second
)

// Config says whose calls a [Breaker] holds, and for how long.
type Config struct {
	Redis       redis.UniversalClient
	Account     string
	Log         zerolog.Logger
	First, Most time.Duration // the first and the longest pause between probes of a scope
	Lease       time.Duration // how long one probe may take; 0 for the package's own
	// Persist repeats a step until Redis takes it, or nobody waits for it any longer.
	Persist func(ctx context.Context, step func(context.Context) error) error
}

// OpenError says that a call is held.
type OpenError struct {
	reason string
	delay  time.Duration
}

func (e *OpenError) Error() string { return e.reason }

// RetryAfter is when to come back.
func (e *OpenError) RetryAfter() time.Duration { return e.delay }

// Breaker holds back what would be denied, for all workers: while a scope is open, one call at a
// time finds out whether it still is, and everything else stays in the queue. A closed breaker
// costs nothing: what is open is known here, from messages and an occasional look.
type Breaker struct {
	// Start bounds how many calls are out whose answer nobody could look up.
	Start SlowStart

	config Config
	store  breakers.Store
	opened atomic.Int32 // scopes that are open

	mu     sync.Mutex
	probes map[string]time.Time // open scopes, and when the next probe may go
	closed map[string]time.Time // when others were closed last
}

// New returns a breaker that knows of no open scope yet, see [Breaker.Refresh].
func New(c Config) *Breaker {
	c.Lease = cmp.Or(c.Lease, probeLease)
	return &Breaker{
		config: c,
		store:  breakers.NewStore(c.Redis, c.Account),
		probes: map[string]time.Time{},
		closed: map[string]time.Time{},
	}
}

// Call is one that wants to leave.
type Call struct {
	Action, Pool string
	Run          string // of a task, that makes it
}

// Allow says whether a call may be made, and of which scopes it is the probe. The error is an
// *OpenError, or Redis'.
func (b *Breaker) Allow(ctx context.Context, c Call) (probes []string, err error) {
	if b.opened.Load() == 0 {
		return nil, nil
	}
	due, err := b.due(c.Action, c.Pool)
	if err != nil {
		return nil, err
	}
	for _, scope := range due {
		verdict, wait, err := b.probe(ctx, scope, c.Run)
		switch {
		case err != nil: // Redis is away: so is the record
			b.Release(ctx, probes, c.Run)
			return nil, err
		case verdict == breakers.Probe:
			probes = append(probes, scope)
		case verdict == breakers.Held:
			b.Release(ctx, probes, c.Run)
			return nil, &OpenError{
				delay:  min(wait, b.config.First/probeSoon) + b.jitter(breakers.Account),
				reason: scope + " is denied: another task finds out",
			}
		}
	}
	return probes, nil
}

// Check says whether a call may be made as far as this worker knows. It asks nobody. The error is
// an *OpenError.
func (b *Breaker) Check(action, pool string) error {
	_, err := b.due(action, pool)
	return err
}

// due returns the scopes of a call that are open and may be probed. Where one may not, it says
// until when.
func (b *Breaker) due(action, pool string) ([]string, error) {
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
			return nil, &OpenError{delay: wait + b.jitter(breakers.Account), reason: scope + " is denied"}
		}
		due = append(due, scope)
	}
	return due, nil
}

// HasPoolScope reports whether some pool's scope is open, so that it matters which pool a task is
// for.
func (b *Breaker) HasPoolScope() bool {
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

// Open returns the scopes that are open, as far as this worker knows.
func (b *Breaker) Open() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Collect(maps.Keys(b.probes))
}

// Success takes in an answer that was not denied: the scopes that the call was the probe of are
// open no more.
func (b *Breaker) Success(ctx context.Context, probes []string) {
	for _, scope := range probes {
		b.close(ctx, scope)
	}
}

// Denial is an answer that denies a call.
type Denial struct {
	Call

	Scope  dypls.Scope
	Code   string
	SentAt time.Time // when the call left
	Probes []string  // the scopes that it was the probe of
}

// Denied takes in that a call was denied, and returns when to try again. A call that left before
// the breaker was closed says nothing new.
func (b *Breaker) Denied(ctx context.Context, d Denial) time.Duration {
	denied := scopeOf(d.Scope, d.Action, d.Pool)
	for _, scope := range d.Probes {
		if scope != denied {
			b.close(ctx, scope)
		}
	}
	if b.closedSince(denied, d.SentAt) {
		return b.jitter(breakers.Account)
	}
	return b.trip(ctx, denied, d.Code, d.Run) + b.jitter(breakers.Account)
}

// Release gives up probes whose call was not made.
func (b *Breaker) Release(ctx context.Context, probes []string, run string) {
	b.yield(ctx, probes, run, 0)
}

// Inconclusive gives up probes whose call was answered by nothing that tells. Others may go in a
// while.
func (b *Breaker) Inconclusive(ctx context.Context, probes []string, run string) {
	b.yield(ctx, probes, run, b.config.First)
}

// yield gives up probes that have shown nothing. Where that fails, their leases lapse.
func (b *Breaker) yield(ctx context.Context, probes []string, run string, again time.Duration) {
	for _, scope := range probes {
		tryCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
		_ = b.store.Yield(tryCtx, scope, run, again)
		cancel()
	}
}

// Refresh reads which scopes are open. A message may have been missed.
func (b *Breaker) Refresh(ctx context.Context) error {
	scopes, err := b.store.Read(ctx)
	if err != nil {
		return err
	}
	open := make(map[string]time.Time, len(scopes))
	for _, s := range scopes {
		_, longest := b.intervals(s.Scope)
		open[s.Scope] = time.Now().Add(min(s.Probe, longest)) // a clock that was put back asks for more
	}
	b.replace(open)
	return nil
}

// probe asks to be the one that finds out about a scope.
func (b *Breaker) probe(
	ctx context.Context,
	scope, run string,
) (breakers.Verdict, time.Duration, error) {
	verdict, wait, err := b.store.Probe(ctx, scope, run, b.config.Lease, b.config.Most)
	if err != nil {
		return "", 0, err
	}
	switch verdict {
	case breakers.Closed:
		b.unset(scope)
	case breakers.Held:
		b.set(scope, min(wait, b.config.First))
	case breakers.Probe:
	}
	return verdict, wait, nil
}

// trip opens a scope, or notes that its probe was denied, and returns how long it stays open at
// least.
func (b *Breaker) trip(ctx context.Context, scope, code, run string) time.Duration {
	first, longest := b.intervals(scope)
	wait := first
	var opened bool
	err := b.config.Persist(ctx, func(ctx context.Context) error {
		isNew, pause, err := b.store.Trip(ctx, scope, code, run, first, longest)
		if err == nil {
			opened, wait = isNew, pause
		}
		return err
	})
	b.set(scope, wait)
	if err == nil && opened {
		b.config.Log.Error().
			Str("scope", scope).
			Str("code", code).
			Dur("probe_in_ms", wait).
			Msg(OpenedMessage(scope))
	}
	return wait
}

// close lets everything of a scope go again.
func (b *Breaker) close(ctx context.Context, scope string) {
	var after time.Duration
	var wasOpen bool
	err := b.config.Persist(ctx, func(ctx context.Context) (err error) {
		after, wasOpen, err = b.store.Close(ctx, scope)
		return err
	})
	b.unset(scope)
	if err == nil && wasOpen {
		b.config.Log.Info().Str("scope", scope).Dur("after_ms", after).Msg(ClosedMessage(scope))
	}
}

// OpenedMessage is what the log says when a scope is opened.
func OpenedMessage(scope string) string {
	if scope == breakers.Endpoint {
		return "endpoint circuit breaker opened; holding binds that cannot be looked up, probing one read at a time"
	}
	return "circuit breaker opened; holding tasks, probing one call at a time"
}

// ClosedMessage is what the log says when a scope is closed.
func ClosedMessage(scope string) string {
	if scope == breakers.Endpoint {
		return "endpoint circuit breaker closed"
	}
	return "circuit breaker closed"
}

// closedSince reports whether a scope was closed after a moment: a call that left before says
// nothing new.
func (b *Breaker) closedSince(scope string, left time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return left.Before(b.closed[scope])
}

func (b *Breaker) set(scope string, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probes[scope] = time.Now().Add(wait)
	b.opened.Store(int32(len(b.probes))) //nolint:gosec // few
}

func (b *Breaker) unset(scope string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.probes, scope)
	b.wasClosed(scope)
	b.opened.Store(int32(len(b.probes))) //nolint:gosec // few
}

// replace takes in which scopes are open, all of them.
func (b *Breaker) replace(open map[string]time.Time) {
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

// wasClosed remembers when a scope was closed, for as long as a call that left before may be out.
// The caller holds the lock.
func (b *Breaker) wasClosed(scope string) {
	now := time.Now()
	maps.DeleteFunc(b.closed, func(_ string, at time.Time) bool { return now.Sub(at) > closedKept })
	b.closed[scope] = now
}

// intervals are the first and the longest pause between probes of a scope.
func (b *Breaker) intervals(scope string) (first, longest time.Duration) {
	return Intervals(scope, b.config.First, b.config.Most)
}

// Intervals are the first and the longest pause between probes of a scope, where they are first and
// most for what is denied.
func Intervals(scope string, first, most time.Duration) (scopeFirst, scopeMost time.Duration) {
	if scope == breakers.Endpoint {
		return min(first, endpointFirst), min(most, endpointMost)
	}
	return first, most
}

func (b *Breaker) jitter(scope string) time.Duration {
	first, _ := b.intervals(scope)
	return rand.N(first / jitterPart) //nolint:gosec // spreads load; guards nothing
}
