package worker

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/breaker"
)

// quickBreaker probes a hundred times as often.
var quickBreaker = timing{
	claimLease: claimLease, reconcileAfter: quick.reconcileAfter, verifyAgainAfter: quick.verifyAgainAfter,
	probeFirst: 300 * time.Millisecond, probeMost: 2 * time.Second, probeLease: 5 * time.Second,
}

// TestSuspendedServiceGetsFewCalls: while the service is suspended next to no calls are made, no
// task is given up, and all go on by themselves.
func TestSuspendedServiceGetsFewCalls(t *testing.T) {
	t.Parallel()
	suspendedServiceGetsFewCalls(t, quickBreaker, 1000, 6*time.Second)
}

// TestSuspendedServiceGetsFewCallsForMinutes is the same in real time.
func TestSuspendedServiceGetsFewCallsForMinutes(t *testing.T) {
	if os.Getenv("DYPLSQ_FAULTS") == "" {
		t.Skip("takes some minutes: set DYPLSQ_FAULTS=1")
	}
	t.Parallel()
	suspendedServiceGetsFewCalls(t, timing{claimLease: claimLease, reconcileAfter: defaultReconcileAfter, verifyAgainAfter: defaultVerifyAgainAfter}, 5000, 2*time.Minute)
}

func suspendedServiceGetsFewCalls(t *testing.T, timing timing, binds int, lasts time.Duration) {
	t.Helper()
	f := newManyWorkersHarness(t, 3, timing, dyplstest.Config{
		Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", binds)}},
	}, nil)
	began := time.Now()
	fault := dyplstest.Fault{Code: "isv.OUT_OF_SERVICE"}
	if err := f.simulator.AddFault(fault); err != nil {
		t.Fatal(err)
	}
	paid := time.AfterFunc(lasts, f.simulator.ClearFaults)
	defer paid.Stop()
	f.bind(t, binds)
	ctx, cancel := context.WithTimeout(t.Context(), lasts+6*time.Minute)
	defer cancel()
	var last time.Time
	for i := range binds {
		o, err := f.queue.Wait(ctx, fmt.Sprint("bind-", i))
		if err != nil {
			t.Fatal(err)
		}
		if o.State != tasks.StateSucceeded || o.Attempts != 1 {
			t.Errorf("bind %d: %s after %d attempts", i, o.State, o.Attempts)
		}
		last = o.FinishedAt
	}
	denied := 0
	for _, e := range f.simulator.Ledger() {
		if e.Code == fault.Code {
			denied++
		}
	}
	const slots = 3 * 64
	t.Logf("%d calls during an outage of %s; all %d done %s after it", denied, lasts, binds, last.Sub(began.Add(lasts)).Round(time.Millisecond))
	if most := slots + probesWithin(timing, breakers.Account, lasts); denied > most {
		t.Errorf("%d calls during the outage, want at most %d", denied, most)
	}
	said := f.log.String()
	if n := strings.Count(said, `"message":"circuit breaker opened`); n != 1 {
		t.Errorf("said %d times that the breaker was opened", n)
	}
	if n := strings.Count(said, `"message":"circuit breaker closed`); n != 1 {
		t.Errorf("said %d times that it was closed", n)
	}
}

func probesWithin(timing timing, scope string, lasts time.Duration) (n int) {
	first, longest := breaker.Intervals(scope, cmp.Or(timing.probeFirst, deniedBase), cmp.Or(timing.probeMost, deniedCap))
	for at := first; at < lasts; at += growing(first, longest, n) {
		n++
	}
	return n + 1
}

// TestDeniedActionLeavesOthersAlone: recordings are not permitted; binds go on.
func TestDeniedActionLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	f := newManyWorkersHarness(t, 2, quickBreaker, dyplstest.Config{
		Faults: []dyplstest.Fault{{Action: "QueryRecordFileDownloadUrl", Code: "isp.RAM_PERMISSION_DENY"}},
	}, nil)
	recording := func(i int) string { return fmt.Sprint("recording-", i) }
	const each = 60
	for i := range each {
		_, err := tasks.QueryRecordFileDownloadURL.Enqueue(t.Context(), f.queue, dypls.QueryRecordFileDownloadURLRequest{
			PoolKey: dyplstest.DefaultPoolKey, CallID: recording(i), CallTime: dypls.At(time.Now().Add(-time.Hour)),
		}, tasks.TaskID(recording(i)))
		if err != nil {
			t.Fatal(err)
		}
	}
	redistest.Poll(t, outcomeWithin, "the breaker to open", func(context.Context) error {
		if !strings.Contains(f.log.String(), `"scope":"action:QueryRecordFileDownloadUrl"`) {
			return errNotYet
		}
		return nil
	})
	f.bind(t, each)
	ctx, cancel := context.WithTimeout(t.Context(), outcomeWithin)
	defer cancel()
	for i := range each {
		if o, err := f.queue.Wait(ctx, fmt.Sprint("bind-", i)); err != nil || o.State != tasks.StateSucceeded || o.Calls != 1 {
			t.Fatalf("bind %d: %s after %d calls, %v", i, o.State, o.Calls, err)
		}
	}
	for i := range each {
		if _, err := tasks.QueryRecordFileDownloadURL.Result(ctx, f.queue, recording(i)); err == nil {
			t.Errorf("recording %d is done", i)
		}
	}
	if strings.Contains(f.log.String(), `"scope":"account"`) {
		t.Error("the whole account is held")
	}
}

// TestHeldTaskRunsOutOfTime: what is held still gets its outcome when its time is over.
func TestHeldTaskRunsOutOfTime(t *testing.T) {
	t.Parallel()
	long := quickBreaker
	long.probeFirst, long.probeMost = time.Hour, time.Hour
	s := newTimedWorkerHarness(t, long, dyplstest.Config{Faults: []dyplstest.Fault{{Code: "isv.OUT_OF_SERVICE"}}}, nil)
	s.bind(t, "opens-it")
	s.logged(t, "circuit breaker opened")
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, bindRequest(), tasks.TaskID("held"), tasks.Within(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, "held"); o.State != tasks.StateFailed || o.Code != dypls.CodeExpired || o.Calls != 0 {
		t.Errorf("%s %s after %d calls", o.State, o.Code, o.Calls)
	}
}

// TestBreakerOfAPool: a closed pool holds its own binds, and no other's.
func TestBreakerOfAPool(t *testing.T) {
	t.Parallel()
	long := quickBreaker
	long.probeFirst, long.probeMost = time.Hour, time.Hour
	other := dyplstest.Pool{Key: "FC100000000002", Numbers: dyplstest.Numbers("171", 100)}
	s := newTimedWorkerHarness(t, long, dyplstest.Config{
		Pools:  []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 100)}, other},
		Faults: []dyplstest.Fault{{Code: "isv.PARTNER_IS_CLOSED", Times: 1}},
	}, nil)
	s.bind(t, "opens-it")
	s.logged(t, `"scope":"pool:`+dyplstest.DefaultPoolKey)
	s.bind(t, "held")
	r := bindRequest()
	r.PoolKey = other.Key
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, r, tasks.TaskID("free")); err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, "free"); o.State != tasks.StateSucceeded {
		t.Errorf("%s %s", o.State, o.Code)
	}
	if n := len(s.simulator.Ledger()); n != 2 {
		t.Errorf("%d calls, want the one that was denied and the other pool's", n)
	}
}

// TestAwaitNumber: a bind for which no number is free waits for one, where that is wanted.
func TestAwaitNumber(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Code: "isv.NO_AVAILABLE_NUMBER"}}}, func(c *Config) { c.OnNoNumber = NoNumberWait })
	s.bind(t, "waits")
	s.endTime(t, "waits", 1)
	if o := s.outcome(t, "waits"); o.Code != dypls.CodeExpired || o.Attempts != 0 || o.Calls != 1 {
		t.Errorf("%s after %d attempts and %d calls", o.Code, o.Attempts, o.Calls)
	}
}
