package callbacks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestGone: 410 disables an endpoint, what it is to be told waits, and goes out once it is enabled.
func TestGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, status(http.StatusGone))
	s := w.sender([]Endpoint{r.endpoint("a")}, func(c *Config) { c.scale = 1e-5 })
	w.run(s)
	w.finish("order-0")
	w.status(s, "a", func(s Status) bool { return !s.DisabledAt.IsZero() })
	for i := range 10 {
		w.finish(fmt.Sprintf("order-%d", i+1))
	}
	redistest.Poll(t, within, "all to rest", func(ctx context.Context) error {
		if n := w.client.ZCard(ctx, keysOf("a").resting()).Val(); n != 11 {
			return fmt.Errorf("%d rest", n)
		}
		return nil
	})
	if n := len(r.got()); n != 1 {
		t.Errorf("%d were sent", n)
	}
	if a, err := s.Test(t.Context(), "a"); err != nil || a.Status != http.StatusGone {
		t.Errorf("a test: %+v, %v", a, err)
	}
	r.takes()
	if err := s.Enable(t.Context(), "b"); !errors.Is(err, ErrUnknownEndpoint) {
		t.Errorf("another endpoint: %v", err)
	}
	if err := s.Enable(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	w.status(s, "a", func(s Status) bool { return s.DisabledAt.IsZero() && s.Delivered == 11 && s.Waiting() == 0 })
}

// TestRetryAfter: what the endpoint asks for holds for all that it is to be told.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]func() string{
		"seconds": func() string { return "2" },
		"a date":  func() string { return time.Now().Add(3 * time.Second).UTC().Format(http.TimeFormat) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var refused atomic.Int64 // when
			r := newReceiver(t, func(w http.ResponseWriter, n int, _ told) {
				if n == 1 {
					refused.Store(time.Now().UnixMilli())
					w.Header().Set("Retry-After", header())
					w.WriteHeader(http.StatusTooManyRequests)
				}
			})
			s := w.sender([]Endpoint{r.endpoint("a")}, func(c *Config) { c.scale = 1e-5 })
			w.run(s)
			w.finish("order-0")
			var resumes time.Time // of its status, where that is shown only until then
			redistest.Poll(t, within, "it to rest", func(ctx context.Context) error {
				state, err := s.store.state(ctx, "a")
				if resumes = state.rest; err == nil && resumes.IsZero() {
					err = errors.New("it does not")
				}
				return err
			})
			known := time.Now()
			for i := range 5 {
				w.finish(fmt.Sprintf("order-%d", i+1))
			}
			w.status(s, "a", func(s Status) bool { return s.Delivered == 6 })
			for _, c := range r.got()[1:] {
				if c.at.Before(resumes.Add(-time.Millisecond)) {
					t.Errorf("sent %s too early", resumes.Sub(c.at))
				}
			}
			if least, most := resumes.Sub(time.UnixMilli(refused.Load())), resumes.Sub(known); least < time.Second || most > 3*time.Second {
				t.Errorf("it rests for %s after it refused, %s after that was known", least, most)
			}
		})
	}
}

func TestRetryAfterIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "-5": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "3600": time.Hour, "99999999": time.Hour, "9223372036854775807": time.Hour,
		"99999999999999999999": 0, "1.5": 0, "soon": 0, "7 s": 0,
		"Sun, 29 Nov 2026 12:00:30 GMT": 30 * time.Second, "Sun, 29 Nov 2026 11:00:00 GMT": 0, "Sun, 29 Nov 2126 12:00:00 GMT": time.Hour,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestAwayIsAskedOneAtATime: an endpoint that fails is not asked by all that wait for it.
func TestAwayIsAskedOneAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, status(http.StatusServiceUnavailable))
	s := w.sender([]Endpoint{r.endpoint("a")}, func(c *Config) { c.scale = 0.1 }) // probes after 0.5, 1, 2 s
	w.run(s)
	const n = 200
	for i := range n {
		w.finish(fmt.Sprintf("order-%d", i))
	}
	w.status(s, "a", func(s Status) bool { return s.ResumesAt.After(time.Now().Add(500 * time.Millisecond)) })
	if sent := len(r.got()); sent > failuresToRest+2*parallel {
		t.Errorf("it was asked %d times", sent)
	}
	r.takes()
	if err := s.Enable(t.Context(), "a"); err != nil { // sooner than it would by itself
		t.Fatal(err)
	}
	redistest.Poll(t, within, "all that have not failed", func(context.Context) error {
		if got := len(r.ids()); got < n {
			return fmt.Errorf("%d came", got)
		}
		return nil
	})
}

// TestIsBackByItself: one delivery finds out, and the others follow.
func TestIsBackByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var away atomic.Bool
	away.Store(true)
	r := newReceiver(t, func(w http.ResponseWriter, _ int, _ told) {
		if away.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	s := w.sender([]Endpoint{r.endpoint("a")}, func(c *Config) { c.scale = 0.01 })
	w.run(s)
	const n = 50
	for i := range n {
		w.finish(fmt.Sprintf("order-%d", i))
	}
	w.status(s, "a", func(s Status) bool { return !s.ResumesAt.IsZero() })
	away.Store(false)
	w.status(s, "a", func(s Status) bool { return s.Delivered >= n-failuresToRest-2*parallel })
}

// TestAwayForTooLong: what an endpoint was away for until it was too old is given up, whoever asked
// the endpoint meanwhile.
func TestAwayForTooLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, status(http.StatusInternalServerError))
	s := w.sender([]Endpoint{r.endpoint("a")}, func(c *Config) { c.scale, c.oldest = 0.01, 3*time.Second })
	w.run(s)
	const n = 50
	for i := range n {
		w.finish(fmt.Sprintf("order-%d", i))
	}
	w.status(s, "a", func(s Status) bool { return s.Dead == n && s.Waiting() == 0 })
	if sent := len(r.got()); sent > 2*n {
		t.Errorf("it was asked %d times", sent)
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	var sum time.Duration
	for i, pause := range pauses {
		for _, chance := range []float64{0, 0.5, 0.999} {
			got, more := pauseAfter(i+1, chance)
			if !more || got < pause*9/10 || got > pause*11/10 {
				t.Errorf("after failure %d: %s, %t", i+1, got, more)
			}
		}
		sum += pause
	}
	if _, more := pauseAfter(len(pauses)+1, 0.5); more || sum < 72*time.Hour || mostAge() > keepUndelivered {
		t.Errorf("%s altogether, %t", sum, more)
	}
	if !slices.IsSorted(pauses) {
		t.Error("pauses are not in order")
	}
}
