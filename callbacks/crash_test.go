package callbacks

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestRedisIsKilled in the middle of it all, more than once: every event is told.
func TestRedisIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "--appendonly", "yes", "--appendfsync", "always")
	var answered atomic.Int64
	r := newReceiver(t, func(http.ResponseWriter, int, told) {
		answered.Add(1)
		time.Sleep(time.Millisecond) // an application's own work
	})
	s := w.sender([]Endpoint{r.endpoint("a")})
	w.run(s)
	const n, kills = 300, 3
	for i := range n {
		w.finish(fmt.Sprintf("order-%d", i))
	}
	for k := range kills {
		least := int64((k + 1) * n / (kills + 2))
		redistest.Poll(t, within, "some to be sent", func(context.Context) error {
			if got := answered.Load(); got < least {
				return fmt.Errorf("%d were", got)
			}
			return nil
		})
		w.redis.Kill()
		w.redis.Restart(t)
	}
	r.waits(n)
	w.status(s, "a", func(s Status) bool { return s.Waiting() == 0 && s.Delivered == n && s.Dead == 0 })
}

// TestSenderIsStopped while it sends: what was cut is sent again, by whoever runs next.
func TestSenderIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hang := make(chan struct{})
	r := newReceiver(t, func(_ http.ResponseWriter, _ int, _ told) { <-hang })
	endpoints := []Endpoint{r.endpoint("a")}
	stop := w.run(w.sender(endpoints))
	w.finish("order-1")
	r.waits(1)
	stop()
	r.takes()
	close(hang)
	next := w.sender(endpoints)
	w.run(next)
	w.status(next, "a", func(s Status) bool { return s.Delivered == 1 && s.Waiting() == 0 })
	if n := len(r.ids()); n != 1 || len(r.got()) != 2 {
		t.Errorf("%d events came %d times", n, len(r.got()))
	}
}

// TestTwoSendersShare: several at once, of which one ends.
func TestTwoSendersShare(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	endpoints := []Endpoint{r.endpoint("a")}
	stop := w.run(w.sender(endpoints))
	s := w.sender(endpoints)
	w.run(s)
	const n = 200
	for i := range n {
		w.finish(fmt.Sprintf("order-%d", i))
		if i == n/2 {
			stop()
		}
	}
	r.waits(n)
	w.status(s, "a", func(s Status) bool { return s.Delivered == n && s.Waiting() == 0 })
}

// TestNobodyTellsOfIt: a sender that died with a delivery in hand, before it was sent or before its
// end was noted, and an asynq that has lost its task.
func TestNobodyTellsOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	var ahead atomic.Int64 // of the clock
	s := w.sender([]Endpoint{r.endpoint("a")}, func(c *Config) {
		c.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	for i, lost := range []string{"admitted", "lost by asynq"} {
		o := event{kind: TaskFinished, id: "msg_" + letters([]byte(lost)), at: time.Now(), thin: struct{}{}}
		body, err := o.body(false, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.store.create(t.Context(), "a", o, body, s.now()); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if a, err := s.store.admit(t.Context(), "a", o.id, "1", s.now(), 0); err != nil || a.verdict != "send" {
				t.Fatalf("%+v, %v", a, err)
			}
		}
		if err := s.store.inspector.DeleteTask("callback.a", o.id+".1"); err != nil {
			t.Fatal(err)
		}
	}
	ahead.Store(int64(2 * overdueAfter))
	r.mu.Lock()
	r.ahead = 2 * overdueAfter
	r.mu.Unlock()
	w.run(s)
	w.status(s, "a", func(s Status) bool { return s.Delivered == 2 && s.Waiting() == 0 })
}

// TestEndpointsChange without a restart: one that is gone leaves what waits for it, and finds it
// when it comes back, with another URL and other secrets.
func TestEndpointsChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := newReceiver(t, status(http.StatusInternalServerError))
	stays := newReceiver(t, nil)
	s := w.sender([]Endpoint{old.endpoint("moves"), stays.endpoint("stays")}, func(c *Config) { c.scale = 0.05 })
	w.run(s)
	w.finish("order-1")
	w.status(s, "moves", func(s Status) bool { return s.Failing == 1 })
	if err := s.Replace([]Endpoint{stays.endpoint("stays")}); err != nil {
		t.Fatal(err)
	}
	w.finish("order-2")
	stays.waits(2)
	if status := w.status(s, "moves", func(s Status) bool { return !s.Listed }); status.Failing != 1 || status.Host != "" {
		t.Errorf("it stands at %+v", status)
	}
	moved := newReceiver(t, nil)
	moved.secrets = []string{secretTwo}
	if err := s.Replace([]Endpoint{{Name: "moves", URL: "hush"}}); err == nil {
		t.Error("what is wrong is taken")
	}
	back := moved.endpoint("moves", func(e *Endpoint) { e.Secrets = []string{secretTwo, secretOne} })
	if err := s.Replace([]Endpoint{stays.endpoint("stays"), back}); err != nil {
		t.Fatal(err)
	}
	moved.waits(1)
	moved.mu.Lock()
	moved.secrets = []string{secretOne} // a receiver that does not know the new one yet
	moved.mu.Unlock()
	w.finish("order-3")
	for _, c := range moved.waits(2) {
		if n := len(c.headers.Values(HeaderSignature)); n != 1 || len(c.headers.Get(HeaderSignature)) < 2*len(vectorSignature) {
			t.Errorf("signatures: %q", c.headers.Values(HeaderSignature))
		}
	}
	stays.waits(3)
}
