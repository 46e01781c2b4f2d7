package quota

import (
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// newLimiter returns one that no other speaks to, on a Redis of its own.
func newLimiter(t *testing.T, c Config) *Limiter {
	t.Helper()
	c.Redis = redistest.Start(t).AppClient(t)
	if c.Account == "" {
		c.Account = "default"
	}
	l := New(c)
	t.Cleanup(func() { l.Close(t.Context()) })
	return l
}

// TestReleasedTokenServesTheNextCaller: a token whose call was not made is not lost, and there is
// still one.
func TestReleasedTokenServesTheNextCaller(t *testing.T) {
	t.Parallel()
	b := newLimiter(t, Config{Ceilings: map[string]float64{"BindAxn": 1}}).Action("BindAxn")
	one, err := b.Acquire(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	b.Release(one)
	if _, err := b.Acquire(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took.Microseconds() > tokenValid {
		t.Logf("the machine is slow: %s", took)
	} else if again, _ := b.allotment.take(b.clock.micros(time.Now())); again != (Token{}) {
		t.Error("there were two tokens")
	}
}

// TestBackoffSpreadsThoseWhoAreSentAway: they come back about as fast as they may call, and not
// after too long.
func TestBackoffSpreadsThoseWhoAreSentAway(t *testing.T) {
	t.Parallel()
	b := newLimiter(t, Config{}).Action("BindAxn")
	b.allotment.rate, b.allotment.workers = 5, 2
	for i := range 1000 {
		at := b.Backoff()
		want := min(time.Duration(i+1)*time.Second/5, backoffMost)
		if slack := backoffMost / 2; i < 200 && (at < want || at > want+2*time.Second) || at > backoffMost+slack || i > 300 && at < slack {
			t.Fatalf("number %d comes back after %s, want about %s", i, at, want)
		}
	}
}
