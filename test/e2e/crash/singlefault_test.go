package crash

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func TestExpiredWhileWaiting(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "late", "--within", "1ms")
	s.Worker(t)
	o := s.Outcome(t, "late", "20s")
	if o.State != tasks.StateFailed || o.Code != dypls.CodeExpired || o.Calls != 0 {
		t.Errorf("outcome %s %s after %d calls, want failed %s after none", o.State, o.Code, o.Calls, dypls.CodeExpired)
	}
	if n := len(s.Simulator.Ledger()); n != 0 {
		t.Errorf("the API was called %d times", n)
	}
}

func TestLostAnswerIsHeldAsUncertain(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Do: dyplstest.DropAfter, Times: 1}}})
	s.Worker(t)
	outcomes := s.Enqueue(t, systemtest.StatusFailed, "BindAxn", systemtest.Bind(1, ""), "--id", "lost", "--wait", "20s")
	if o := outcomes[0]; o.State != tasks.StateUncertain || o.Code != dypls.CodeNoAnswer || o.Class != dypls.Uncertain {
		t.Errorf("outcome %s %s %s, want uncertain", o.State, o.Code, o.Class)
	}
	// The same key again asks what came of it; it does not bind again.
	again := s.Enqueue(t, systemtest.StatusFailed, "BindAxn", systemtest.Bind(1, ""), "--id", "lost", "--wait", "5s")
	if again[0].State != tasks.StateUncertain || len(s.Performed("lost")) != 1 {
		t.Errorf("after the same key again: %s, performed %d times", again[0].State, len(s.Performed("lost")))
	}
	if ttl := s.Redis.Client(t).TTL(t.Context(), "dypls:{lost}").Val(); ttl != -1 {
		t.Errorf("an uncertain record must stay until it is settled; it has %s to live", ttl)
	}
}

// TestShutdownLetsCallsEnd: a bind whose answer takes its time is neither cut nor repeated.
func TestShutdownLetsCallsEnd(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Do: dyplstest.Slow, Delay: 3 * time.Second, Performed: true}}})
	w := s.Worker(t)
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "slow")
	redistest.Poll(t, systemtest.StartWithin, "the call to be out", s.IsOut("slow"))
	if status := w.Terminate(t, syscall.SIGTERM); status != systemtest.StatusOK {
		t.Errorf("the worker's exit status is %d", status)
	}
	o := s.Outcome(t, "slow", "1ms")
	if o.State != tasks.StateSucceeded || o.Calls != 1 || len(s.Performed("slow")) != 1 {
		t.Errorf("outcome %s after %d calls, performed %d times; want succeeded, 1, 1", o.State, o.Calls, len(s.Performed("slow")))
	}
}

// TestRedisRestartsDuringCall: the answer comes while Redis is away; it is written down when Redis
// is back, and the task is not performed again.
func TestRedisRestartsDuringCall(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Do: dyplstest.Slow, Delay: 5 * time.Second, Performed: true}}},
		"--appendonly", "yes", "--appendfsync", "always")
	w := s.Worker(t)
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "outage")
	redistest.Poll(t, systemtest.StartWithin, "the call to be out", s.IsOut("outage"))
	s.Redis.Kill()
	redistest.Poll(t, systemtest.StartWithin, "the worker to miss Redis", w.Wrote("write to Redis failed"))
	s.Redis.Restart(t)
	o := s.Outcome(t, "outage", "20s")
	if o.State != tasks.StateSucceeded || o.Calls != 1 || len(s.Performed("outage")) != 1 {
		t.Errorf("outcome %s after %d calls, performed %d times; want succeeded, 1, 1", o.State, o.Calls, len(s.Performed("outage")))
	}
}

// TestKilledWorker: what was out when a worker was killed is settled by another within a minute or
// so, and never sent again: found where the bind names its X, uncertain where it does not.
func TestKilledWorker(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a claim of 20 s to lapse")
	}
	const binds, pause = 9, 2 * time.Second
	tests := map[string]struct {
		more   func(n int) string // of the n-th request
		state  tasks.State
		within time.Duration
	}{
		"X named":                {func(n int) string { return fmt.Sprintf(`,"PhoneNoX":"1700000%04d"`, n) }, tasks.StateSucceeded, 75 * time.Second},
		"X left to the platform": {func(int) string { return "" }, tasks.StateUncertain, 40 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.Hang, Performed: true}}})
			last := s.Worker(t)
			killed := map[string]time.Time{}
			for n := range binds {
				id := fmt.Sprint("killed-", n)
				s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(n, test.more(n)), "--id", id)
				redistest.Poll(t, systemtest.StartWithin, "the call to be out", s.IsOut(id))
				victim := last
				last = s.Worker(t)
				killed[id] = time.Now()
				victim.Kill(t)
			}
			took := make([]time.Duration, 0, binds)
			for id, at := range killed {
				o := s.Outcome(t, id, (test.within + pause).String())
				took = append(took, o.FinishedAt.Sub(at))
				if o.State != test.state || len(s.Performed(id)) != 1 || took[len(took)-1] > test.within {
					t.Errorf("%s: outcome %s after %s, performed %d times; want %s, once", id, o.State, took[len(took)-1], len(s.Performed(id)), test.state)
				}
			}
			slices.Sort(took)
			t.Logf("%d workers killed in the middle of a call: settled after a median of %s, at most %s",
				binds, took[binds/2].Round(100*time.Millisecond), took[binds-1].Round(100*time.Millisecond))
		})
	}
}

func TestWorkerWaitsForRedis(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	s.Redis.Kill()
	w := systemtest.Start(t, s.Env, "worker")
	redistest.Poll(t, systemtest.StartWithin, "the worker to say that Redis is away", w.Wrote("Redis unreachable; retrying"))
	if r := systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", systemtest.Bind(1, "")); r.Status != systemtest.StatusUnreachable {
		t.Errorf("enqueue without Redis: exit status %d, want %d: %s", r.Status, systemtest.StatusUnreachable, r.Errors)
	}
	if r := systemtest.Run(t, s.Env, "", "result", "some-id"); r.Status != systemtest.StatusUnreachable {
		t.Errorf("result without Redis: exit status %d, want %d: %s", r.Status, systemtest.StatusUnreachable, r.Errors)
	}
	s.Redis.Restart(t)
	outcomes := s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(1, ""), "--wait", "20s")
	if outcomes[0].State != tasks.StateSucceeded {
		t.Errorf("outcome %s", outcomes[0].State)
	}
}

func TestWorkerRefusesEviction(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{}, "--maxmemory-policy", "allkeys-lru")
	r := systemtest.Run(t, s.Env, "", "worker")
	if r.Status == systemtest.StatusOK || !strings.Contains(r.Errors, "noeviction") {
		t.Errorf("exit status %d: %s", r.Status, r.Errors)
	}
}
