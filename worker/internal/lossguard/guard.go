// Package lossguard notices that Redis came back with less than it had, and pauses binds until
// calls from before are over.
package lossguard

import (
	"context"
	_ "embed" // the script
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/replicas"
)

const (
	// Key is a counter that goes up as long as Redis remembers. It never looks like a record's key,
	// which begins with dypls:{ whatever the id.
	Key = "dypls:witness"
	// raiseEvery is how often each worker raises it while it makes binds: of what Redis forgets, so
	// much at most goes unnoticed.
	raiseEvery = 500 * time.Millisecond
	// raiseIdleEvery is how often it does when it has made no bind for as long. The next one raises
	// the counter before it leaves.
	raiseIdleEvery = 10 * raiseEvery
	// raisedLately is within what time the counter was raised, at the most, when a bind leaves.
	raisedLately = 2 * raiseEvery
	// raiseTimeout bounds one try to raise it.
	raiseTimeout = 3 * time.Second
)

var (
	//go:embed lua/raise.lua
	raiseLua    string
	raiseScript = redis.NewScript(raiseLua)
)

// Config says what a [Guard] watches, and what it does.
type Config struct {
	Redis    redis.UniversalClient // to which the guard is added as a hook
	Replicas int                   // that are to have the counter
	Log      zerolog.Logger
	// how long a call that was noted before may be out, or its outcome on the way
	Pause  time.Duration
	OnLoss func() // is called once for each loss; nil for nothing
}

// Guard notices that Redis came back with less than it had: a copy that is older, a replica that
// lagged behind, nothing at all. A bind whose note was forgotten may be out although its record
// says queued, so binds then pause, in all workers, until every claim from before has lapsed and
// every outcome that is on its way has arrived.
//
// It is a hook, too, which counts connections: whatever a Redis forgets, it forgets while nobody is
// connected to it. A bind that was noted over a connection made since the counter was raised last
// leaves only after it has been raised again.
type Guard struct {
	config Config

	dialed  atomic.Int64              // connections made so far
	raised  moment                    // when the counter was raised last
	bind    moment                    // when a bind was confirmed last
	checked atomic.Int64              // of these, when the counter was raised last
	until   atomic.Pointer[time.Time] // when binds may leave again; nil for at once

	mu     sync.Mutex // one raises at a time
	seen   int64      // the largest value, which Redis must not fall behind
	server string     // the run_id of the Redis, "" where it does not tell
}

// New returns a guard of one worker, a hook for its client.
func New(c Config) *Guard { return &Guard{config: c} }

// LossError says that a bind pauses, because Redis forgot something.
type LossError struct{ left time.Duration }

// Error implements [error].
func (*LossError) Error() string {
	return "Redis lost data: calls from before may be in flight"
}

// RetryAfter is when binds go on.
func (e *LossError) RetryAfter() time.Duration { return e.left }

// DialHook implements [redis.Hook].
func (g *Guard) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		if err == nil {
			g.dialed.Add(1)
		}
		return conn, err
	}
}

// ProcessHook implements [redis.Hook].
func (*Guard) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook implements [redis.Hook].
func (*Guard) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// Run raises the counter until ctx is done. A Redis that is out of reach is told of elsewhere.
func (g *Guard) Run(ctx context.Context) {
	tick := time.NewTicker(raiseEvery)
	defer tick.Stop()
	for {
		if g.bind.within(raiseIdleEvery) || !g.raised.within(raiseIdleEvery) {
			_ = g.raise(ctx, 0)
		}
		if until := g.until.Load(); until != nil && time.Now().After(*until) &&
			g.until.CompareAndSwap(until, nil) {
			g.config.Log.Info().Msg("binds resumed after data loss")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Pause is how long binds still pause, as far as this worker knows.
func (g *Guard) Pause() time.Duration {
	until := g.until.Load()
	if until == nil {
		return 0
	}
	return max(time.Until(*until), 0)
}

// Check says whether a bind may go on, as far as this worker knows. It asks nobody. The error is a
// *LossError.
func (g *Guard) Check() error {
	if left := g.Pause(); left > 0 {
		return &LossError{left}
	}
	return nil
}

// Confirm is Check, once the counter was raised over every connection there is, and lately. The
// error is a *LossError, or Redis'.
func (g *Guard) Confirm(ctx context.Context) error {
	g.bind.set(time.Now())
	if !g.isCurrent(raisedLately) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), raiseTimeout)
		defer cancel()
		if err := g.raise(ctx, raisedLately); err != nil {
			return err
		}
	}
	return g.Check()
}

// isCurrent reports whether the counter was raised over every connection there is, a short time
// ago.
func (g *Guard) isCurrent(lately time.Duration) bool {
	return g.checked.Load() >= g.dialed.Load() && g.raised.within(lately)
}

// raise raises the counter, unless it is current.
func (g *Guard) raise(ctx context.Context, lately time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isCurrent(lately) {
		return nil
	}
	began := time.Now()
	dialed, checked := g.dialed.Load(), g.checked.Load()
	raised, replicated, server := g.send(ctx, dialed != checked)
	reply, err := raised.Int64Slice()
	if err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	value, left, noticed := reply[0], time.Duration(reply[1])*time.Millisecond, reply[2] == 1
	if left > 0 {
		g.pauseFor(left, noticed)
	}
	g.noteServer(server, noticed)
	// What too few replicas have may be missing after a failover that lost no note of a call.
	if replicated {
		g.seen = max(g.seen, value)
	}
	g.checked.Store(max(dialed, checked))
	g.raised.set(began)
	return nil
}

// moment is a time that many read.
type moment struct{ at atomic.Pointer[time.Time] }

func (m *moment) set(at time.Time) { m.at.Store(&at) }

func (m *moment) within(d time.Duration) bool {
	at := m.at.Load()
	return at != nil && time.Since(*at) < d
}

// send raises the counter, and tells whether as many replicas as wanted have it. Who the Redis is a
// single one alone is asked.
func (g *Guard) send(
	ctx context.Context,
	askServer bool,
) (raised *redis.Cmd, replicated bool, server *redis.StringCmd) {
	raised, shortage := replicas.Run(
		ctx,
		g.config.Redis,
		g.config.Replicas,
		raiseScript,
		[]string{Key},
		g.seen,
		g.config.Pause.Milliseconds(),
	)
	if _, cluster := g.config.Redis.(*redis.ClusterClient); askServer && !cluster {
		server = g.config.Redis.Info(ctx, "server")
	}
	return raised, shortage == nil, server
}

// pauseFor has binds pause, and says so once.
func (g *Guard) pauseFor(left time.Duration, noticed bool) {
	until := time.Now().Add(left)
	if g.until.Swap(&until) != nil {
		return
	}
	if g.config.OnLoss != nil {
		g.config.OnLoss()
	}
	g.config.Log.Error().
		Bool("noticed_here", noticed).
		Int64("witness", g.seen).
		Stringer("binds_pause", left.Round(time.Second)).
		Msg("Redis lost data (restart or failover); pausing binds until in-flight calls have finished")
}

// noteServer tells that another Redis answers than before, where Redis tells who it is.
func (g *Guard) noteServer(info *redis.StringCmd, forgot bool) {
	if info == nil || info.Err() != nil {
		return
	}
	_, rest, _ := strings.Cut(info.Val(), "run_id:")
	id, _, _ := strings.Cut(rest, "\r\n")
	if g.server != "" && g.server != id && !forgot {
		g.config.Log.Warn().Msg("Redis restarted or failed over; no data loss detected")
	}
	g.server = id
}
