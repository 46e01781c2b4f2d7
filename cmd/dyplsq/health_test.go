package main

import (
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

// TestHealth: a worker is ready while it performs tasks, and neither without Redis nor while it
// drains; it is alive all the time.
func TestHealth(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Do: dyplstest.Slow, Delay: 8 * time.Second, Performed: true}}})
	p, url := s.ObservedWorker(t)
	systemtest.UntilReady(t, url)
	probe := append(slices.Clone(s.Env), "DYPLSQ_METRICS_LISTEN="+strings.TrimPrefix(url, "http://"))
	if r := systemtest.Run(t, probe, "", "worker", "--probe"); r.Status != statusOK {
		t.Errorf("a probe of a worker that is ready: exit status %d, %s", r.Status, r.Errors)
	}

	s.Redis.Kill()
	systemtest.UntilReady(t, url, "redis")
	if r := systemtest.Run(t, probe, "", "worker", "--probe"); r.Status != statusFailed || !strings.Contains(r.Errors, "redis: no answer") {
		t.Errorf("a probe without Redis: exit status %d, %s", r.Status, r.Errors)
	}
	if status, body := systemtest.Get(t, url+"/healthz"); status != http.StatusOK {
		t.Errorf("alive without Redis: %d %s", status, body)
	}
	s.Redis.Restart(t)
	systemtest.UntilReady(t, url)

	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "slow")
	// Redis lost what it had last written, and binds pause.
	redistest.Poll(t, 3*systemtest.StartWithin, "the call to be out", s.IsOut("slow"))
	if err := p.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	systemtest.UntilReady(t, url, "phase")
	select {
	case <-p.Done:
	case <-time.After(40 * time.Second):
		t.Fatal("did not end")
	}
	if status := p.Cmd.ProcessState.ExitCode(); status != statusOK {
		t.Errorf("exit status %d", status)
	}
	if r := systemtest.Run(t, probe, "", "worker", "--probe"); r.Status != statusFailed {
		t.Errorf("a probe without a worker: exit status %d, %s", r.Status, r.Errors)
	}
}

// TestHealthBeforeRedis: a worker that waits for Redis says so, and a port that is taken is wrong
// usage.
func TestHealthBeforeRedis(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	s.Redis.Kill()
	_, url := s.ObservedWorker(t)
	systemtest.UntilReady(t, url, "redis", "phase", "fetchers")
	taken := append(slices.Clone(s.Env), "DYPLSQ_METRICS_LISTEN="+strings.TrimPrefix(url, "http://"))
	if r := systemtest.Run(t, taken, "", "worker"); r.Status != statusUsage || !strings.Contains(r.Errors, "cannot listen") {
		t.Errorf("a port that is taken: exit status %d, %s", r.Status, r.Errors)
	}
}

// TestSilentFetchers: a queue that nobody asks for tasks makes a worker unready, whatever else is
// in order.
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
