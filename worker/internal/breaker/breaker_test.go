package worker

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// newBreakers returns the breakers of several workers on one Redis.
func newBreakers(t *testing.T, timing timing, n int) []*breaker {
	t.Helper()
	server := redistest.Start(t)
	all := make([]*breaker, n)
	for i := range all {
		w, err := New(Config{Redis: server.AppClient(t), Caller: panickyCaller{}})
		if err != nil {
			t.Fatal(err)
		}
		w.timing = timing
		all[i] = w.accounts.own.traffic.breaker
	}
	return all
}

// TestOneProbe: while a scope is open, one run in the whole cluster may probe it, and one whose worker dies is replaced.
func TestOneProbe(t *testing.T) {
	t.Parallel()
	timing := timing{probeFirst: 20 * time.Millisecond, probeMost: time.Minute, probeLease: 2 * time.Second}
	b := newBreakers(t, timing, 2)
	ctx := t.Context()
	b[0].denied(ctx, breakers.Account, "isv.OUT_OF_SERVICE", "opener", time.Now())
	if err := b[1].refresh(ctx); err != nil {
		t.Fatal(err)
	}
	var probes []string
	for deadline := time.Now().Add(outcomeWithin); len(probes) == 0 && time.Now().Before(deadline); {
		probes, _ = b[0].pass(ctx, "BindAxn", "", "first")
	}
	began := time.Now()
	for len(probes) == 1 {
		got, err := b[1].pass(ctx, "BindAxb", "", "second")
		if _, held := errors.AsType[*heldError](err); err != nil && !held {
			t.Fatal(err)
		}
		if len(got) == 1 {
			break
		}
		if time.Since(began) > outcomeWithin {
			t.Fatal("a probe whose worker died was never replaced")
		}
	}
	if took := time.Since(began); took < timing.probeLease/2 {
		t.Errorf("replaced after %s, the lease is %s", took, timing.probeLease)
	}
	b[1].heard(ctx, []string{breakers.Account})
	if err := b[0].refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if probes, err := b[0].pass(ctx, "BindAxn", "", "third"); err != nil || len(probes) > 0 {
		t.Errorf("after it was closed: %v %v", probes, err)
	}
}

// TestProbesGrowRarer: each probe that is denied doubles the wait, up to the longest.
func TestProbesGrowRarer(t *testing.T) {
	t.Parallel()
	timing := timing{probeFirst: 10 * time.Second, probeMost: 35 * time.Second}
	b := newBreakers(t, timing, 1)[0]
	ctx := t.Context()
	if got := b.trip(ctx, breakers.Account, "c", "run"); got != 10*time.Second {
		t.Errorf("opened for %s", got)
	}
	if got := b.trip(ctx, breakers.Account, "c", "another"); got > 10*time.Second {
		t.Errorf("a call that had left before made it %s", got)
	}
	for _, want := range []time.Duration{20 * time.Second, 35 * time.Second, 35 * time.Second} {
		b.worker.config.Redis.HSet(ctx, b.key, breakers.Account, "1 "+map[time.Duration]string{20 * time.Second: "0", 35 * time.Second: "1"}[want]+" 0 - 1 c")
		if verdict, _, err := b.probe(ctx, breakers.Account, "prober"); err != nil || verdict != breakerProbe {
			t.Fatal(verdict, err)
		}
		if got := b.trip(ctx, breakers.Account, "c", "prober"); got != want {
			t.Errorf("open for another %s, want %s", got, want)
		}
	}
}

// TestLateDenial: what a call that left before the breaker was closed says is old.
func TestLateDenial(t *testing.T) {
	t.Parallel()
	b := newBreakers(t, timing{probeFirst: time.Minute}, 1)[0]
	ctx, left := t.Context(), time.Now()
	b.denied(ctx, breakers.Account, "c", "run", left)
	b.close(ctx, breakers.Account)
	b.denied(ctx, breakers.Account, "c", "slow", left)
	if b.opened.Load() != 0 {
		t.Error("an old answer opened it again")
	}
	b.denied(ctx, breakers.Account, "c", "new", time.Now())
	if b.opened.Load() != 1 {
		t.Error("a new one did not")
	}
}

// TestScopesThatNobodyProbesEnd: pools that producers named once, and that were denied, do not stay for ever.
func TestScopesThatNobodyProbesEnd(t *testing.T) {
	t.Parallel()
	b := newBreakers(t, timing{probeFirst: time.Minute}, 1)[0]
	ctx := t.Context()
	state := func(probe time.Duration) string {
		return fmt.Sprintf("%d 0 0 - 1 c", time.Now().Add(-probe).UnixMilli())
	}
	b.worker.config.Redis.HSet(ctx, b.key, breakers.Pool+"old", state(scopeKept+time.Hour), breakers.Pool+"recent", state(time.Hour))
	b.trip(ctx, breakers.Pool+"new", "c", "run")
	got, err := b.worker.config.Redis.HKeys(ctx, b.key).Result()
	slices.Sort(got)
	if diff := cmp.Diff([]string{breakers.Pool + "new", breakers.Pool + "recent"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	b.mu.Lock()
	b.closed["long ago"] = time.Now().Add(-2 * closedKept)
	b.wasClosed("now")
	if len(b.closed) != 1 {
		t.Errorf("remembered: %v", b.closed)
	}
	b.mu.Unlock()
}
