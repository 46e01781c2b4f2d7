package worker

import (
	"context"
	_ "embed" // the scripts
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// breakerNews, in its database, is the channel on which it is said that a breaker was opened, closed or probed in vain.
const breakerNews = "dypls:breaker"

// What the script says to one who asks for a probe.
const (
	breakerClosed = "closed"
	breakerProbe  = "probe"
	breakerHeld   = "held"
)

var (
	//go:embed lua/breakertrip.lua
	breakerTripLua string
	//go:embed lua/breakerprobe.lua
	breakerProbeLua string
	//go:embed lua/breakeryield.lua
	breakerYieldLua string
	//go:embed lua/breakerclose.lua
	breakerCloseLua string

	breakerTripScript  = redis.NewScript(breakerTripLua)
	breakerProbeScript = redis.NewScript(breakerProbeLua)
	breakerYieldScript = redis.NewScript(breakerYieldLua)
	breakerCloseScript = redis.NewScript(breakerCloseLua)
)

// probe asks to be the one that finds out about a scope.
func (b *breaker) probe(ctx context.Context, scope, run string) (verdict string, wait time.Duration, err error) {
	reply, err := breakerProbeScript.Run(ctx, b.worker.config.Redis, []string{b.key}, scope, run,
		b.worker.timing.leaseOfProbe().Milliseconds(), b.worker.timing.longestProbe().Milliseconds()).Slice()
	if err != nil {
		return "", 0, fmt.Errorf("breaker: probe: %w", err)
	}
	verdict, wait = textAt(reply, 0), time.Duration(numberAt(reply, 1))*time.Millisecond
	switch verdict {
	case breakerClosed:
		b.unset(scope)
	case breakerHeld:
		b.set(scope, min(wait, b.first()))
	}
	return verdict, wait, nil
}

// trip opens a scope, or notes that its probe was denied, and returns how long it stays open at least.
func (b *breaker) trip(ctx context.Context, scope, code, run string) time.Duration {
	first, longest := b.worker.timing.probeIntervals(scope)
	wait := first
	var opened bool
	err := b.worker.untilWritten(ctx, "", "breaker", func(ctx context.Context) error {
		reply, err := breakerTripScript.Run(ctx, b.worker.config.Redis, []string{b.key}, scope, run, code,
			first.Milliseconds(), longest.Milliseconds(), b.channel(), scopeKept.Milliseconds()).Slice()
		if err == nil {
			opened, wait = numberAt(reply, 0) == 1, time.Duration(numberAt(reply, 1))*time.Millisecond
		}
		return err
	})
	b.set(scope, wait)
	if err == nil && opened {
		b.log.Error().Str("scope", scope).Str("code", code).Dur("probe_in_ms", wait).
			Msg(openedMessage(scope))
	}
	return wait
}

func openedMessage(scope string) string {
	if scope == breakers.Endpoint {
		return "answers are not the API's: binds that could not be looked up are kept in the queue; one read at a time finds out whether the API is back"
	}
	return "denied: everything of this scope is kept in the queue; one call at a time finds out whether it still is"
}

func closedMessage(scope string) string {
	if scope == breakers.Endpoint {
		return "the API answers again: going on"
	}
	return "denied no longer: going on"
}

// close lets everything of a scope go again.
func (b *breaker) close(ctx context.Context, scope string) {
	wasOpen := int64(-1)
	err := b.worker.untilWritten(ctx, "", "breaker", func(ctx context.Context) (err error) {
		wasOpen, err = breakerCloseScript.Run(ctx, b.worker.config.Redis, []string{b.key}, scope, b.channel()).Int64()
		return err
	})
	b.unset(scope)
	if err == nil && wasOpen >= 0 {
		b.log.Info().Str("scope", scope).Dur("after_ms", time.Duration(wasOpen)*time.Millisecond).Msg(closedMessage(scope))
	}
}

func (b *breaker) channel() string { return record.InDatabase(b.worker.config.Redis, breakerNews) }

// yield gives up probes that have shown nothing. Where that fails, their leases lapse.
func (b *breaker) yield(ctx context.Context, probes []string, run string, again time.Duration) {
	for _, scope := range probes {
		tryCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		_ = breakerYieldScript.Run(tryCtx, b.worker.config.Redis, []string{b.key}, scope, run, again.Milliseconds()).Err()
		cancel()
	}
}

// refresh reads which scopes are open. A message may have been missed.
func (b *breaker) refresh(ctx context.Context) error {
	scopes, err := breakers.Read(ctx, b.worker.config.Redis, b.account)
	if err != nil {
		return err
	}
	open := make(map[string]time.Time, len(scopes))
	for _, s := range scopes {
		_, longest := b.worker.timing.probeIntervals(s.Scope)
		open[s.Scope] = time.Now().Add(min(s.Probe, longest)) // a clock that was put back asks for more
	}
	b.replace(open)
	return nil
}

func textAt(reply []any, i int) string {
	if i >= len(reply) {
		return ""
	}
	text, _ := reply[i].(string)
	return text
}

func numberAt(reply []any, i int) int64 {
	if i >= len(reply) {
		return 0
	}
	n, _ := reply[i].(int64)
	return n
}
