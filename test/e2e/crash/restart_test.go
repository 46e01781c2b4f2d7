package crash

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestRollingRestart: workers are replaced one after the other under load; no call is cut, and so
// none is repeated.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	const jobs, restarts = 600, 4
	s := systemtest.New(t, dyplstest.Config{
		Pools:  []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", jobs)}},
		Faults: []dyplstest.Fault{{Do: dyplstest.Slow, Delay: 100 * time.Millisecond}},
	})
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", "--file", systemtest.JobsFile(t, jobs))
	workers := []*systemtest.Process{s.Worker(t), s.Worker(t)}
	for n := range restarts {
		old := workers[n%len(workers)]
		workers[n%len(workers)] = s.Worker(t)
		if status := old.Terminate(t, syscall.SIGTERM); status != systemtest.StatusOK {
			t.Errorf("a worker that was told to end has exit status %d", status)
		}
	}
	outcomes := s.Settled(t, jobs, time.Minute)
	s.EachOnce(t, outcomes)
	for _, o := range outcomes {
		if o.Calls != 1 {
			t.Errorf("%s took %d calls", o.ID, o.Calls)
		}
	}
}

// TestFrozenWorkerDoublesNothing: a worker is frozen under load for longer than its claims hold,
// and wakes in the middle of what others have settled meanwhile. Every bind names its X and takes
// effect once.
func TestFrozenWorkerDoublesNothing(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("freezes a worker for longer than a claim of 20 s")
	}
	const jobs, frozen = 300, 25 * time.Second
	numbers := dyplstest.Numbers("170", jobs)
	s := systemtest.New(t, dyplstest.Config{
		Pools:  []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: numbers}},
		Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.Slow, Delay: 100 * time.Millisecond}},
	})
	input := ""
	for i := range jobs {
		input += systemtest.Bind(i, fmt.Sprintf(`,"TaskID":"job-%d","PhoneNoX":%q`, i, string(numbers[i]))) + "\n"
	}
	if r := systemtest.Run(t, s.Env, input, "enqueue", "BindAxn", "-"); r.Status != systemtest.StatusOK {
		t.Fatalf("enqueue: exit status %d: %s", r.Status, systemtest.Tail(r.Errors))
	}
	victim := s.Worker(t)
	redistest.Poll(t, systemtest.StartWithin, "the victim to be at work", s.IsOut("job-0"))
	s.Worker(t)
	if err := victim.Cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	redistest.Poll(t, 2*frozen, "the victim's claims to lapse", func(context.Context) error {
		if left := frozen - time.Since(stopped); left > 0 {
			return fmt.Errorf("%s left", left)
		}
		return nil
	})
	if err := victim.Cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.EachOnce(t, s.Settled(t, jobs, 2*time.Minute))
}
