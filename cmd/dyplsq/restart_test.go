package main

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestRollingRestart: workers are replaced one after the other under load; no call is cut, and so none is repeated.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	const jobs, restarts = 600, 4
	s := newSystem(t, dyplstest.Config{
		Pools:  []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", jobs)}},
		Faults: []dyplstest.Fault{{Do: dyplstest.Slow, Delay: 100 * time.Millisecond}},
	})
	s.enqueue(t, statusOK, "BindAxn", "--file", jobsFile(t, jobs))
	workers := []*process{s.worker(t), s.worker(t)}
	for n := range restarts {
		old := workers[n%len(workers)]
		workers[n%len(workers)] = s.worker(t)
		if status := old.terminate(t, syscall.SIGTERM); status != statusOK {
			t.Errorf("a worker that was told to end has exit status %d", status)
		}
	}
	outcomes := s.settled(t, jobs, time.Minute)
	once(t, s, outcomes)
	for _, o := range outcomes {
		if o.Calls != 1 {
			t.Errorf("%s took %d calls", o.ID, o.Calls)
		}
	}
}

// TestStoppedWorker: a worker is frozen under load for longer than its claims hold, and wakes in the middle of what others have
// settled meanwhile. Every bind names its X and takes effect once.
func TestStoppedWorker(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("freezes a worker for longer than a claim of 20 s")
	}
	const jobs, frozen = 300, 25 * time.Second
	numbers := dyplstest.Numbers("170", jobs)
	s := newSystem(t, dyplstest.Config{
		Pools:  []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: numbers}},
		Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.Slow, Delay: 100 * time.Millisecond}},
	})
	input := ""
	for i := range jobs {
		input += bind(i, fmt.Sprintf(`,"TaskID":"job-%d","PhoneNoX":%q`, i, string(numbers[i]))) + "\n"
	}
	if r := dyplsq(t, s.env, input, "enqueue", "BindAxn", "-"); r.status != statusOK {
		t.Fatalf("enqueue: exit status %d: %s", r.status, tail(r.errors))
	}
	victim := s.worker(t)
	redistest.Poll(t, startWithin, "the victim to be at work", s.isOut("job-0"))
	s.worker(t)
	if err := victim.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	redistest.Poll(t, 2*frozen, "the victim's claims to lapse", func(context.Context) error {
		if left := frozen - time.Since(stopped); left > 0 {
			return fmt.Errorf("%s left", left)
		}
		return nil
	})
	if err := victim.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	once(t, s, s.settled(t, jobs, 2*time.Minute))
}

// settled waits for the outcomes of job-0, job-1 and so on.
func (s *system) settled(t *testing.T, jobs int, within time.Duration) []tasks.Outcome {
	t.Helper()
	queue := queuetest.On(t, s.redis.AppClient(t))
	defer func() { _ = queue.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	ids := make([]string, jobs)
	for i := range ids {
		ids[i] = fmt.Sprint("job-", i)
	}
	var outcomes []tasks.Outcome
	if err := queue.WaitAll(ctx, ids, func(o tasks.Outcome) { outcomes = append(outcomes, o) }); err != nil {
		t.Fatalf("%d of %d settled: %v", len(outcomes), jobs, err)
	}
	return outcomes
}

// once holds outcomes against the ledger: each succeeded, and took effect once.
func once(t *testing.T, s *system, outcomes []tasks.Outcome) {
	t.Helper()
	performed := map[string]int{}
	for _, e := range s.simulator.Ledger() {
		if e.Performed {
			performed[e.Parameters["OutId"]]++
		}
	}
	for _, o := range outcomes {
		if o.State != tasks.StateSucceeded || performed[o.ID] != 1 {
			t.Errorf("%s is %s %s, and took effect %d times", o.ID, o.State, o.Code, performed[o.ID])
		}
	}
}
