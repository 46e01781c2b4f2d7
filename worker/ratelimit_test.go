package worker

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/quota"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// newLimiters returns those of several workers on one Redis, which hear of one another.
func newLimiters(t *testing.T, n int, change func(*Config)) (*redistest.Server, []*quota.Limiter) {
	t.Helper()
	server := redistest.Start(t)
	all := make([]*quota.Limiter, n)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for i := range all {
		config := Config{client: server.AppClient(t), Caller: panickyCaller{}, Logger: zerolog.Nop()}
		if change != nil {
			change(&config)
		}
		w, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = w.accounts.own.traffic.limiter
		running.Go(func() { w.accounts.run(ctx) })
	}
	t.Cleanup(func() { stop(); running.Wait() })
	return server, all
}

// takeFor lets callers take tokens for a while, and returns how many they got.
func takeFor(t *testing.T, span time.Duration, callers int, buckets ...*quota.Bucket) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	var taken atomic.Int64
	var running sync.WaitGroup
	for _, b := range buckets {
		for range callers {
			running.Go(func() {
				for ctx.Err() == nil {
					if _, err := b.Acquire(ctx, nil); err == nil {
						taken.Add(1)
						b.Report(time.Now(), false, 0)
					}
				}
			})
		}
	}
	running.Wait()
	return taken.Load()
}

// TestCeilingBoundsCalls: three workers together stay below a ceiling, and use it.
func TestCeilingBoundsCalls(t *testing.T) {
	t.Parallel()
	_, g := newLimiters(t, 3, func(c *Config) { c.QPS = map[string]float64{"BindAxn": 40} })
	const span = 5 * time.Second
	n := takeFor(t, span, 5, g[0].Action("BindAxn"), g[1].Action("BindAxn"), g[2].Action("BindAxn"))
	const most = 40*5 + 10
	if n > most || n < most/2 {
		t.Errorf("%d tokens in %s, at most %d may be", n, span, most)
	}
}

// TestCeilingBoundsCallsOfAPool: a pool's ceiling holds from the first call on.
func TestCeilingBoundsCallsOfAPool(t *testing.T) {
	t.Parallel()
	_, g := newLimiters(t, 1, func(c *Config) { c.PoolQPS = 10 })
	if g[0].Pool("") != nil {
		t.Error("a call that names no pool has a pool's bucket")
	}
	if n := takeFor(t, 3*time.Second, 5, g[0].Pool("FC1")); n > 35 || n < 10 {
		t.Errorf("%d tokens in 3 s at 10 a second", n)
	}
}

// TestCallsGoOnWithoutRedis: a worker that cannot reach Redis goes on with a part of its share,
// never without limit.
func TestCallsGoOnWithoutRedis(t *testing.T) {
	t.Parallel()
	server, g := newLimiters(t, 1, func(c *Config) { c.QPS = map[string]float64{"BindAxn": 100} })
	b := g[0].Action("BindAxn")
	takeFor(t, 3*time.Second, 10, b)
	server.Kill()
	const span = 4 * time.Second
	n := takeFor(t, span, 10, b)
	if n == 0 || n > 100*4*6/10+30 {
		t.Errorf("%d tokens in %s without Redis", n, span)
	}
}

// TestHeldWhileThrottled: nobody sits out a long throttle in its place.
func TestHeldWhileThrottled(t *testing.T) {
	t.Parallel()
	_, g := newLimiters(t, 2, nil)
	b := g[0].Action("BindAxn")
	if _, err := b.Acquire(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	b.Report(time.Now(), true, 10*time.Minute)
	for _, one := range []*quota.Limiter{g[0], g[1]} {
		redistest.Poll(t, outcomeWithin, "the bucket to be closed", func(ctx context.Context) error {
			_, err := one.Action("BindAxn").Acquire(ctx, nil)
			throttled, is := errors.AsType[*quota.ThrottledError](err)
			if !is || throttled.RetryAfter() < 30*time.Second {
				return errors.Join(err, errNotYet)
			}
			return nil
		})
	}
}

func TestConfigOfCeilings(t *testing.T) {
	t.Parallel()
	_, err := New(Config{QPS: map[string]float64{"BINDAXN": 1, "BindAxb": 0}, PoolQPS: -1, Account: "a b", OnNoNumber: "maybe"})
	for _, says := range []string{`"BINDAXN"`, "QPS of BindAxb must be 0.001 to", "PoolQPS must be 0 to", "the account's name must be", "fail or wait"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("does not say %s: %v", says, err)
		}
	}
}
