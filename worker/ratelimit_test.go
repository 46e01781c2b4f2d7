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

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// newGovernors returns those of several workers on one Redis, which hear of one another.
func newGovernors(t *testing.T, n int, change func(*Config)) (*redistest.Server, []*governor) {
	t.Helper()
	server := redistest.Start(t)
	all := make([]*governor, n)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for i := range all {
		config := Config{Redis: server.AppClient(t), Caller: panickyCaller{}, Logger: zerolog.Nop()}
		if change != nil {
			change(&config)
		}
		w, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = w.accounts.own.traffic.governor
		running.Go(func() { w.accounts.run(ctx) })
	}
	t.Cleanup(func() { stop(); running.Wait() })
	return server, all
}

// takeFor lets callers take slots for a while, and returns how many they got.
func takeFor(t *testing.T, span time.Duration, callers int, budgets ...*budget) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	var taken atomic.Int64
	var running sync.WaitGroup
	for _, b := range budgets {
		for range callers {
			running.Go(func() {
				for ctx.Err() == nil {
					if _, err := b.take(ctx, nil); err == nil {
						taken.Add(1)
						b.saw(time.Now(), false, 0)
					}
				}
			})
		}
	}
	running.Wait()
	return taken.Load()
}

// TestCeiling: three workers together stay below a ceiling, and use it.
func TestCeiling(t *testing.T) {
	t.Parallel()
	_, g := newGovernors(t, 3, func(c *Config) { c.QPS = map[string]float64{"BindAxn": 40} })
	const span = 5 * time.Second
	n := takeFor(t, span, 5, g[0].ofAction("BindAxn"), g[1].ofAction("BindAxn"), g[2].ofAction("BindAxn"))
	const most = 40*5 + 10
	if n > most || n < most/2 {
		t.Errorf("%d slots in %s, at most %d may be", n, span, most)
	}
}

// TestPoolCeiling: a pool's ceiling holds from the first call on.
func TestPoolCeiling(t *testing.T) {
	t.Parallel()
	_, g := newGovernors(t, 1, func(c *Config) { c.PoolQPS = 10 })
	if g[0].ofPool("") != nil {
		t.Error("a call that names no pool has a pool's budget")
	}
	if n := takeFor(t, 3*time.Second, 5, g[0].ofPool("FC1")); n > 35 || n < 10 {
		t.Errorf("%d slots in 3 s at 10 a second", n)
	}
}

// TestWithoutRedis: a worker that cannot reach Redis goes on with a part of its share, never without limit.
func TestWithoutRedis(t *testing.T) {
	t.Parallel()
	server, g := newGovernors(t, 1, func(c *Config) { c.QPS = map[string]float64{"BindAxn": 100} })
	b := g[0].ofAction("BindAxn")
	takeFor(t, 3*time.Second, 10, b)
	server.Kill()
	const span = 4 * time.Second
	n := takeFor(t, span, 10, b)
	if n == 0 || n > 100*4*6/10+30 {
		t.Errorf("%d slots in %s without Redis", n, span)
	}
}

// TestHeldWhileThrottled: nobody sits out a long throttle in its place.
func TestHeldWhileThrottled(t *testing.T) {
	t.Parallel()
	_, g := newGovernors(t, 2, nil)
	b := g[0].ofAction("BindAxn")
	if _, err := b.take(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	b.saw(time.Now(), true, 10*time.Minute)
	for _, one := range []*governor{g[0], g[1]} {
		redistest.Poll(t, outcomeWithin, "the budget to be closed", func(ctx context.Context) error {
			_, err := one.ofAction("BindAxn").take(ctx, nil)
			held, is := errors.AsType[*heldError](err)
			if !is || held.delay < 30*time.Second {
				return errors.Join(err, errNotYet)
			}
			return nil
		})
	}
}

// TestSlotsComeBack: a slot whose call was not made serves the next caller.
func TestSlotsComeBack(t *testing.T) {
	t.Parallel()
	_, g := newGovernors(t, 1, func(c *Config) { c.QPS = map[string]float64{"BindAxn": 1} })
	b := g[0].ofAction("BindAxn")
	one, err := b.take(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	b.giveBack(one)
	if _, err := b.take(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took.Microseconds() > slotValid {
		t.Logf("the machine is slow: %s", took)
	} else if again, _ := b.stock.take(b.clock.micros(time.Now())); again != (slot{}) {
		t.Error("there were two slots")
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
