package breaker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Run(m)) }

// within is how long a test waits for what must come.
const within = time.Minute

// newBreakers returns the breakers of several workers on one Redis.
func newBreakers(t *testing.T, timing Config, n int) []*Breaker {
	t.Helper()
	return breakersOn(t, redistest.Start(t), timing, n)
}

func breakersOn(t *testing.T, server *redistest.Server, timing Config, n int) []*Breaker {
	t.Helper()
	all := make([]*Breaker, n)
	for i := range all {
		c := timing
		c.Redis, c.Account, c.Log = server.AppClient(t), "default", zerolog.Nop()
		c.First, c.Most = cmp.Or(c.First, 30*time.Second), cmp.Or(c.Most, 5*time.Minute)
		c.Persist = func(ctx context.Context, step func(context.Context) error) error { return step(ctx) }
		all[i] = New(c)
	}
	return all
}

// denial is that of a call of the account.
func denial(code, run string, sentAt time.Time) Denial {
	return Denial{Call: Call{Action: "BindAxn", Run: run}, Scope: dypls.ScopeAccount, Code: code, SentAt: sentAt}
}

// TestOneProbe: while a scope is open, one run in the whole cluster may probe it, and one whose
// worker dies is replaced.
func TestOneProbe(t *testing.T) {
	t.Parallel()
	timing := Config{First: 20 * time.Millisecond, Most: time.Minute, Lease: 2 * time.Second}
	b := newBreakers(t, timing, 2)
	ctx := t.Context()
	b[0].Denied(ctx, denial("isv.OUT_OF_SERVICE", "opener", time.Now()))
	if err := b[1].Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	var probes []string
	for deadline := time.Now().Add(within); len(probes) == 0 && time.Now().Before(deadline); {
		probes, _ = b[0].Allow(ctx, Call{Action: "BindAxn", Run: "first"})
	}
	began := time.Now()
	for len(probes) == 1 {
		got, err := b[1].Allow(ctx, Call{Action: "BindAxb", Run: "second"})
		if _, held := errors.AsType[*OpenError](err); err != nil && !held {
			t.Fatal(err)
		}
		if len(got) == 1 {
			break
		}
		if time.Since(began) > within {
			t.Fatal("a probe whose worker died was never replaced")
		}
	}
	if took := time.Since(began); took < timing.Lease/2 {
		t.Errorf("replaced after %s, the lease is %s", took, timing.Lease)
	}
	b[1].Success(ctx, []string{breakers.Account})
	if err := b[0].Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if probes, err := b[0].Allow(ctx, Call{Action: "BindAxn", Run: "third"}); err != nil || len(probes) > 0 {
		t.Errorf("after it was closed: %v %v", probes, err)
	}
}

// TestProbesGrowRarer: each probe that is denied doubles the wait, up to the longest.
func TestProbesGrowRarer(t *testing.T) {
	t.Parallel()
	timing := Config{First: 10 * time.Second, Most: 35 * time.Second}
	b := newBreakers(t, timing, 1)[0]
	ctx := t.Context()
	if got := b.trip(ctx, breakers.Account, "c", "run"); got != 10*time.Second {
		t.Errorf("opened for %s", got)
	}
	if got := b.trip(ctx, breakers.Account, "c", "another"); got > 10*time.Second {
		t.Errorf("a call that had left before made it %s", got)
	}
	for _, want := range []time.Duration{20 * time.Second, 35 * time.Second, 35 * time.Second} {
		b.config.Redis.HSet(ctx, breakers.Key("default"), breakers.Account, "1 "+map[time.Duration]string{20 * time.Second: "0", 35 * time.Second: "1"}[want]+" 0 - 1 c")
		if verdict, _, err := b.probe(ctx, breakers.Account, "prober"); err != nil || verdict != breakers.Probe {
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
	b := newBreakers(t, Config{First: time.Minute}, 1)[0]
	ctx, left := t.Context(), time.Now()
	b.Denied(ctx, denial("c", "run", left))
	b.close(ctx, breakers.Account)
	b.Denied(ctx, denial("c", "slow", left))
	if b.opened.Load() != 0 {
		t.Error("an old answer opened it again")
	}
	b.Denied(ctx, denial("c", "new", time.Now()))
	if b.opened.Load() != 1 {
		t.Error("a new one did not")
	}
}

// TestScopesThatNobodyProbesEnd: pools that producers named once, and that were denied, do not stay
// for ever.
func TestScopesThatNobodyProbesEnd(t *testing.T) {
	t.Parallel()
	b := newBreakers(t, Config{First: time.Minute}, 1)[0]
	ctx := t.Context()
	state := func(probe time.Duration) string {
		return fmt.Sprintf("%d 0 0 - 1 c", time.Now().Add(-probe).UnixMilli())
	}
	b.config.Redis.HSet(ctx, breakers.Key("default"), breakers.Pool+"old", state(25*time.Hour), breakers.Pool+"recent", state(time.Hour))
	b.trip(ctx, breakers.Pool+"new", "c", "run")
	got, err := b.config.Redis.HKeys(ctx, breakers.Key("default")).Result()
	slices.Sort(got)
	if diff := gocmp.Diff([]string{breakers.Pool + "new", breakers.Pool + "recent"}, got); err != nil || diff != "" {
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

// TestHeldNoLongerAfterClockWentBack: what is held until a time of Redis' clock, which is put back
// by an hour then, is held for no longer than it would have been at the most.
func TestHeldNoLongerAfterClockWentBack(t *testing.T) {
	t.Parallel()
	server, clock := redistest.StartWithClock(t)
	b := breakersOn(t, server, Config{First: time.Second, Most: 2 * time.Second, Lease: time.Second}, 1)[0]
	b.trip(t.Context(), breakers.Account, "Forbidden.RAM", "first")
	clock.Set(t, -time.Hour)
	if wait := b.trip(t.Context(), breakers.Account, "Forbidden.RAM", "other"); wait > 2*time.Second {
		t.Errorf("another call is denied, and waits for %s", wait)
	}
	if err := b.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if wait := b.untilProbe(breakers.Account); wait > 2*time.Second {
		t.Errorf("the next probe is in %s", wait)
	}
	// the second waits for the first one's probe to lapse
	for _, run := range []string{"probe", "another"} {
		redistest.Poll(t, within, run+" to probe", func(ctx context.Context) error {
			verdict, wait, err := b.probe(ctx, breakers.Account, run)
			if err == nil && verdict != breakers.Probe {
				err = fmt.Errorf("%s for %s", verdict, wait)
			}
			return err
		})
		if run == "probe" {
			clock.Set(t, -2*time.Hour)
		}
	}
}
