package httpapi

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

type collectedOutcomes struct {
	Outcomes []struct {
		Entry   string  `json:"entry"`
		Outcome outcome `json:"outcome"`
	} `json:"outcomes"`
}

// TestOutcomes: each group is given every outcome until it has acknowledged it; who waits is woken.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.work()
	for i := range 3 {
		w.enqueued(fmt.Sprintf("task-%d", i))
	}
	for _, group := range []string{"billing", "audit"} {
		given := map[string]string{}
		for len(given) < 3 {
			var c collectedOutcomes
			got := w.do(http.MethodGet, "/v1/outcomes?wait=60s&max=2&group="+group, "")
			if got.into(t, &c); got.Status != http.StatusOK || len(c.Outcomes) == 0 || len(c.Outcomes) > 2 {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
			for _, one := range c.Outcomes {
				if given[one.Outcome.ID] = one.Entry; one.Outcome.State != "succeeded" {
					t.Errorf("%+v", one)
				}
			}
		}
		entries := fmt.Sprintf("[%q,%q]", given["task-0"], given["task-1"])
		for n := 2; n >= 0; n -= 2 { // acknowledged twice, it counts once
			got := w.do(http.MethodPost, "/v1/outcomes:ack", `{"group":"`+group+`","entries":`+entries+`}`)
			if got.Status != http.StatusOK || got.Body != fmt.Sprintf("{\"acknowledged\":%d}\n", n) {
				t.Errorf("%d %s", got.Status, got.Body)
			}
		}
		if got := w.do(http.MethodGet, "/v1/outcomes?group="+group, ""); got.Body != "{\"outcomes\":[]}\n" { // for a minute
			t.Errorf("%d %s", got.Status, got.Body)
		}
	}
	for _, wrong := range []string{`{}`, `{"group":"billing"}`, `{"group":"billing","entries":[]}`, `{"group":"billing","entries":["x"]}`, `{"group":"billing","entries":[1]}`, `{"group":7,"entries":["1-0"]}`, `{"group":"nobody","entries":["1-0"]}`} {
		if got := w.do(http.MethodPost, "/v1/outcomes:ack", wrong); got.kindOf(t) != "invalid" {
			t.Errorf("%s: %d %s", wrong, got.Status, got.Body)
		}
	}
	for _, wrong := range []string{"", "group=", "group=a&max=0", "group=a&max=1001", "group=a&max=x", "group=a&wait=2m", "group=" + strings.Repeat("x", 200)} {
		if got := w.do(http.MethodGet, "/v1/outcomes?"+wrong, ""); got.kindOf(t) != "invalid" {
			t.Errorf("%s: %d %s", wrong, got.Status, got.Body)
		}
	}
}

// TestOutcomesAreWaitedFor: who waits is told of an outcome that comes meanwhile, and of none when
// the server drains.
func TestOutcomesAreWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func() <-chan answer {
		answered := make(chan answer, 1)
		go func() { answered <- w.do(http.MethodGet, "/v1/outcomes?group=billing&wait=60s", "") }()
		redistest.Poll(t, within, "the request to wait", systemtest.Until(func() bool { return w.api.waits.open() == 1 }))
		return answered
	}
	answered := ask()
	w.enqueued("canceled")
	if got := w.do(http.MethodDelete, "/v1/tasks/canceled", ""); got.Status != http.StatusOK {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	began := time.Now()
	if got := <-answered; !strings.Contains(got.Body, `"id":"canceled"`) {
		t.Errorf("after %s: %d %s", time.Since(began), got.Status, got.Body)
	}
	answered = ask()
	w.api.Drain()
	if got := <-answered; got.Status != http.StatusOK || got.Body != "{\"outcomes\":[]}\n" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}
