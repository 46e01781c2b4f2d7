package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

// notYet makes a condition one for redistest.Poll.
func notYet(is func() bool) func(context.Context) error {
	return func(context.Context) error {
		if !is() {
			return errors.New("not yet")
		}
		return nil
	}
}

func readyAt(t *testing.T, url string) readiness {
	t.Helper()
	status, body := get(t, url+"/readyz")
	var answer readiness
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if (status == http.StatusOK) != answer.Ready {
		t.Fatalf("status %d with %s", status, body)
	}
	return answer
}

// untilReady waits until a worker is ready, or is not because of these checks.
func untilReady(t *testing.T, url string, failing ...string) {
	t.Helper()
	var last readiness
	redistest.Poll(t, time.Minute, "the checks to be as expected", notYet(func() bool {
		last = readyAt(t, url)
		n := 0
		for _, name := range failing {
			if last.Checks[name].OK {
				return false
			}
			n++
		}
		return last.Ready == (n == 0)
	}))
}

// TestHealth: a worker is ready while it performs tasks, and neither without Redis nor while it drains; it is alive all the time.
func TestHealth(t *testing.T) {
	t.Parallel()
	s := newSystem(t, dyplstest.Config{Faults: []dyplstest.Fault{{Do: dyplstest.Slow, Delay: 3 * time.Second, Performed: true}}})
	p, url := s.observedWorker(t)
	untilReady(t, url)
	probe := append(slices.Clone(s.env), "DYPLSQ_METRICS_LISTEN="+strings.TrimPrefix(url, "http://"))
	if r := dyplsq(t, probe, "", "worker", "--probe"); r.status != statusOK {
		t.Errorf("a probe of a worker that is ready: exit status %d, %s", r.status, r.errors)
	}

	s.redis.Kill()
	untilReady(t, url, "redis")
	if r := dyplsq(t, probe, "", "worker", "--probe"); r.status != statusFailed || !strings.Contains(r.errors, "redis: no answer") {
		t.Errorf("a probe without Redis: exit status %d, %s", r.status, r.errors)
	}
	if status, body := get(t, url+"/healthz"); status != http.StatusOK {
		t.Errorf("alive without Redis: %d %s", status, body)
	}
	s.redis.Restart(t)
	untilReady(t, url)

	s.enqueue(t, statusOK, "BindAxn", bind(1, ""), "--id", "slow")
	// Redis lost what it had last written, and binds pause.
	redistest.Poll(t, 3*startWithin, "the call to be out", s.isOut("slow"))
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	untilReady(t, url, "phase")
	select {
	case <-p.done:
	case <-time.After(40 * time.Second):
		t.Fatal("did not end")
	}
	if status := p.cmd.ProcessState.ExitCode(); status != statusOK {
		t.Errorf("exit status %d", status)
	}
	if r := dyplsq(t, probe, "", "worker", "--probe"); r.status != statusFailed {
		t.Errorf("a probe without a worker: exit status %d, %s", r.status, r.errors)
	}
}

// TestHealthBeforeRedis: a worker that waits for Redis says so, and a port that is taken is wrong usage.
func TestHealthBeforeRedis(t *testing.T) {
	t.Parallel()
	s := newSystem(t, dyplstest.Config{})
	s.redis.Kill()
	_, url := s.observedWorker(t)
	untilReady(t, url, "redis", "phase", "fetchers")
	taken := append(slices.Clone(s.env), "DYPLSQ_METRICS_LISTEN="+strings.TrimPrefix(url, "http://"))
	if r := dyplsq(t, taken, "", "worker"); r.status != statusUsage || !strings.Contains(r.errors, "cannot listen") {
		t.Errorf("a port that is taken: exit status %d, %s", r.status, r.errors)
	}
}

// TestSilentFetchers: a queue that nobody asks for tasks makes a worker unready, whatever else is in order.
func TestSilentFetchers(t *testing.T) {
	t.Parallel()
	now := time.Now()
	tests := map[string]struct {
		polled map[string]time.Time
		says   string
	}{
		"all are asked": {map[string]time.Time{"bind": now, "query": now.Add(-pollWithin / 2)}, "every queue"},
		"one no longer": {map[string]time.Time{"bind": now, "query": now.Add(-2 * pollWithin)}, "query was not asked for a task for 1m30s"},
		"one never":     {map[string]time.Time{"bind": {}, "query": now}, "bind was never asked"},
	}
	for name, test := range tests {
		c := checkFetchers(worker.Status{Phase: worker.Performing, Polled: test.polled}, now)
		if !strings.Contains(c.Says, test.says) || c.OK != (name == "all are asked") {
			t.Errorf("%s: %+v", name, c)
		}
	}
}
