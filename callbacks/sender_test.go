package callbacks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestTellsOfTasks: what is thin, and what is full.
func TestTellsOfTasks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	thin, full := newReceiver(t, nil), newReceiver(t, nil)
	s := w.sender([]Endpoint{
		thin.endpoint("thin"),
		full.endpoint("full", func(e *Endpoint) { e.Full, e.Accounts = true, []string{"shop"} }),
	})
	w.run(s)
	w.finish("order-1", tasks.Account("shop"))
	w.end("order-2", record.Ending{State: record.Uncertain, Code: "dyplsq.NoAnswer", Message: "perhaps " + string(numberA), Class: "Uncertain"})

	one := map[string]told{}
	for _, c := range thin.waits(2) {
		one[c.event.Data["id"].(string)] = c
	}
	for id, want := range map[string]map[string]any{
		"order-1": {"id": "order-1", "action": "BindAxn", "account": "shop", "state": "succeeded", "code": "OK", "class": "", "request_id": "R-order-1"},
		"order-2": {"id": "order-2", "action": "BindAxn", "state": "uncertain", "code": "dyplsq.NoAnswer", "class": "Uncertain", "request_id": ""},
	} {
		c := one[id]
		if at, _ := c.event.Data["finished_at"].(string); at == "" || at != c.event.Timestamp {
			t.Errorf("%s finished at %q, and the event is of %q", id, at, c.event.Timestamp)
		}
		delete(c.event.Data, "finished_at")
		if diff := cmp.Diff(want, c.event.Data); diff != "" || c.event.Type != TaskFinished {
			t.Errorf("%s: %s (-want +got):\n%s", id, c.event.Type, diff)
		}
		if strings.Contains(c.body, "12345671") || strings.Contains(c.body, "12345673") || strings.ContainsAny(c.id, ".0123456789") {
			t.Errorf("%s: %s", c.id, c.body)
		}
	}
	c := full.waits(1)[0]
	outcome, _ := c.event.Data["outcome"].(map[string]any)
	result, _ := outcome["result"].(map[string]any)
	if result["SecretNo"] != string(numberX) || outcome["id"] != "order-1" || c.id != one["order-1"].id {
		t.Errorf("full: %s %s", c.id, c.body)
	}
	w.status(s, "thin", func(s Status) bool {
		return s.Delivered == 2 && s.Waiting() == 0 && !s.LastSuccess.IsZero() && s.Listed
	})
	if n := len(full.got()); n != 1 {
		t.Errorf("%d were told of another account", n)
	}
}

// TestTasksThatNameTheirEndpoint: one that is told of these alone, beside one that is told of all.
func TestTasksThatNameTheirEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	named, all := newReceiver(t, nil), newReceiver(t, nil)
	s := w.sender([]Endpoint{named.endpoint("named", func(e *Endpoint) { e.Tasks = NamedTasks }), all.endpoint("all")})
	w.run(s)
	w.finish("order-1")
	w.finish("order-2", tasks.Callback("other"))
	w.finish("order-3", tasks.Callback("named"))
	all.waits(3)
	if got := named.waits(1); got[0].event.Data["id"] != "order-3" {
		t.Errorf("told of %s", got[0].body)
	}
	w.status(s, "all", func(s Status) bool { return s.Delivered == 3 })
	w.status(s, "named", func(s Status) bool { return s.Delivered == 1 && s.Waiting() == 0 })
}

// TestUncertainIsToldAgainWhenSettled: as another event.
func TestUncertainIsToldAgainWhenSettled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	w.run(w.sender([]Endpoint{r.endpoint("a")}))
	w.end("order-1", record.Ending{State: record.Uncertain, Code: "dyplsq.NoAnswer", Class: "Uncertain"})
	r.waits(1)
	if err := w.queue.Resolve(t.Context(), "order-1", tasks.ResolveFailed("me")); err != nil {
		t.Fatal(err)
	}
	all := r.waits(2)
	if all[0].event.Data["state"] != "uncertain" || all[1].event.Data["state"] != "failed" {
		t.Errorf("told of %v, then of %v", all[0].event.Data, all[1].event.Data)
	}
}

// TestRetries: all that is no 2xx, and the same webhook-id, with a signature of its own time.
func TestRetries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elsewhere := newReceiver(t, nil)
	failures := []func(http.ResponseWriter, int, told){
		status(500), status(404), status(302),
		func(w http.ResponseWriter, _ int, _ told) {
			http.Redirect(w, &http.Request{}, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		func(http.ResponseWriter, int, told) { panic(http.ErrAbortHandler) },
		func(w http.ResponseWriter, _ int, _ told) { // a body without an end
			w.WriteHeader(http.StatusBadGateway)
			for range 100 {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		},
		func(w http.ResponseWriter, _ int, _ told) { // no HTTP
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = conn.Write([]byte(strings.Repeat("hush, garbage ", 100_000)))
				_ = conn.Close()
			}
		},
		func(w http.ResponseWriter, _ int, _ told) { // headers without an end
			for i := range 1000 {
				w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("hush", 100))
			}
		},
	}
	r := newReceiver(t, func(w http.ResponseWriter, n int, c told) {
		if n <= len(failures) {
			failures[n-1](w, n, c)
		}
	})
	s := w.sender([]Endpoint{r.endpoint("a")}, func(c *Config) { c.scale = 1e-5 })
	w.run(s)
	w.finish("order-1")
	got := w.status(s, "a", func(s Status) bool { return s.Delivered == 1 })
	if all := r.got(); len(all) != len(failures)+1 || len(r.ids()) != 1 {
		t.Errorf("it came %d times, as %d events", len(all), len(r.ids()))
	}
	if len(elsewhere.got()) > 0 {
		t.Error("a redirect was followed")
	}
	if got.LastFailure.IsZero() || got.LastError == "" || got.Waiting() != 0 {
		t.Errorf("it stands at %+v", got)
	}
}

// TestGivesUp after three days, and replays by hand.
func TestGivesUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, status(500))
	s := w.sender([]Endpoint{r.endpoint("a")}, func(c *Config) { c.scale = 2e-5 }) // 3 days in 5 s
	w.run(s)
	w.finish("order-1")
	got := w.status(s, "a", func(s Status) bool { return s.Dead == 1 })
	if all := r.got(); len(all) != 1+len(pauses) || len(r.ids()) != 1 || got.Waiting() != 0 {
		t.Errorf("it was sent %d times; %+v", len(all), got)
	}
	redistest.Poll(t, within, "asynq to have it among its archived", func(context.Context) error {
		archived, err := s.store.inspector.ListArchivedTasks("callback.a")
		if err == nil && (len(archived) != 1 || !strings.Contains(archived[0].LastErr, "it answered 500") || string(archived[0].Payload) != `{"v":1,"id":"`+r.got()[0].id+`"}`) {
			err = fmt.Errorf("it has %+v", archived)
		}
		return err
	})
}

// TestOneEventManyReadings: an event that is read again is not told again.
func TestOneEventManyReadings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, nil)
	s := w.sender([]Endpoint{r.endpoint("a")})
	w.run(s)
	for i := range 20 {
		w.finish(fmt.Sprintf("order-%d", i))
	}
	r.waits(20)
	w.status(s, "a", func(s Status) bool { return s.Delivered == 20 })
	if err := w.client.XGroupSetID(t.Context(), record.Stream, group, "0").Err(); err != nil {
		t.Fatal(err)
	}
	w.finish("order-last")
	r.waits(21)
	w.status(s, "a", func(s Status) bool { return s.Delivered == 21 && s.Waiting() == 0 })
	for id, times := range r.ids() {
		if times != 1 {
			t.Errorf("%s came %d times", id, times)
		}
	}
}

// TestSlowHoldsNoOtherUp: an endpoint that answers nothing within its time.
func TestSlowHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	end := make(chan struct{})
	slow := newReceiver(t, func(http.ResponseWriter, int, told) { <-end })
	t.Cleanup(func() { close(end) })
	fast := newReceiver(t, nil)
	s := w.sender([]Endpoint{slow.endpoint("slow"), fast.endpoint("fast")})
	w.run(s)
	const n = 50
	began := time.Now()
	for i := range n {
		w.finish(fmt.Sprintf("order-%d", i))
	}
	fast.waits(n)
	w.status(s, "fast", func(s Status) bool { return s.Delivered == n })
	if len(slow.got()) > parallel && time.Since(began) < answerWithin {
		t.Errorf("%d at once", len(slow.got()))
	}
	w.status(s, "slow", func(s Status) bool { return s.Delivered == 0 && s.Waiting() == n })
}

// TestReplaysWhatWasTold since a time, under the ids that it had, to one endpoint alone.
func TestReplaysWhatWasTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, other := newReceiver(t, nil), newReceiver(t, nil)
	s := w.sender([]Endpoint{r.endpoint("a", func(e *Endpoint) { e.Accounts = []string{"shop"} }), other.endpoint("b")})
	w.run(s)
	w.finish("order-1", tasks.Account("shop"))
	w.finish("order-2")
	r.waits(1)
	other.waits(2)
	w.status(s, "a", func(s Status) bool { return s.Delivered == 1 })
	w.status(s, "b", func(s Status) bool { return s.Delivered == 2 })
	if n, err := s.Replay(t.Context(), "a", time.Now().Add(time.Minute)); err != nil || n != 0 {
		t.Errorf("%d are replayed of what is to come, %v", n, err)
	}
	if n, err := s.Replay(t.Context(), "a", time.Now().Add(-time.Hour)); err != nil || n != 1 {
		t.Errorf("%d are replayed, %v", n, err)
	}
	w.status(s, "a", func(s Status) bool { return s.Delivered == 2 && s.Waiting() == 0 })
	if len(r.got()) != 2 || len(r.ids()) != 1 || len(other.got()) != 2 {
		t.Errorf("%d callbacks of %d events came, and %d to the other", len(r.got()), len(r.ids()), len(other.got()))
	}
	if all := r.got(); all[0].body != all[1].body {
		t.Errorf("first %s, then %s", all[0].body, all[1].body)
	}
}

// TestReplaysWhatWasGivenUp under the id that it had.
func TestReplaysWhatWasGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := newReceiver(t, status(500))
	s := w.sender([]Endpoint{r.endpoint("a")}, func(c *Config) { c.scale = 1e-6 })
	w.run(s)
	w.finish("order-1")
	w.status(s, "a", func(s Status) bool { return s.Dead == 1 })
	r.takes()
	if n, err := s.Replay(t.Context(), "a", time.Now()); err != nil || n != 1 {
		t.Errorf("%d are replayed, %v", n, err)
	}
	w.status(s, "a", func(s Status) bool { return s.Dead == 0 && s.Delivered == 1 && s.Waiting() == 0 })
	if n := len(r.ids()); n != 1 {
		t.Errorf("%d events came", n)
	}
	if _, err := s.Replay(t.Context(), "b", time.Now()); !errors.Is(err, ErrUnknownEndpoint) {
		t.Errorf("another endpoint: %v", err)
	}
}
