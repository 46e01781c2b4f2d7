package network

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func TestRedisPausedFor8s(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for asynq's leases of 30 s to lapse")
	}
	pauseUnderLoad(t, 8*time.Second)
}

func TestRedisPausedFor45s(t *testing.T) {
	t.Parallel()
	if !systemtest.WholeFaults() {
		t.Skip("takes a minute: set DYPLSQ_FAULTS=1")
	}
	pauseUnderLoad(t, 45*time.Second)
}

// pauseUnderLoad: Redis stands still with calls out, and goes on as if nothing had been: its clock
// jumps, claims may have lapsed, and commands that their senders gave up long ago are carried out
// after all.
//
// Invariant: every task is one performed call, its outcome is there and equals the ledger; no bind
// that names its X is ever told as uncertain. One whose X the platform chose may be held for a
// moment, until the worker that has its answer comes through.
func pauseUnderLoad(t *testing.T, pause time.Duration) {
	t.Helper()
	const jobs, out = 240, 20
	pools, ids, input := namedAndChosen("paused-", jobs)
	s := systemtest.New(t, dyplstest.Config{Pools: pools, Faults: []dyplstest.Fault{
		{Match: map[string]string{"PoolKey": systemtest.NamedPool}, Do: dyplstest.Slow, Delay: 3 * time.Second, Performed: true},
		{Do: dyplstest.Slow, Delay: 2 * time.Second},
	}})
	s.EnqueueBatch(t, "BindAxn", input)
	s.Worker(t)
	s.Worker(t)
	redistest.Poll(t, systemtest.StartWithin, "calls to be out", func(context.Context) error {
		if n := len(s.Simulator.Ledger()); n < out {
			return fmt.Errorf("%d calls", n)
		}
		return nil
	})
	resumed := pauseRedis(t, s, pause)
	outcomes, held := collected(t, s, ids, 2*time.Minute)
	took := time.Since(resumed)

	s.EachOnce(t, outcomes)
	calls, late := 0, 0
	for _, o := range outcomes {
		calls += o.Calls
		if o.FinishedAt.Sub(resumed) > 10*time.Second {
			late++
		}
		for _, e := range s.Performed(o.ID) {
			if !strings.Contains(string(o.Result), strconv.Quote(e.SubsID)) {
				t.Errorf("%s: its result is not what was bound", o.ID)
			}
		}
	}
	for _, id := range held {
		if strings.HasSuffix(id, "-named") {
			t.Errorf("%s names its X, and was told as uncertain", id)
		}
	}
	t.Logf("Redis paused for %s: %d binds, each took effect once, 0 surplus, %d calls, %d held as uncertain for a moment (X chosen by the platform); %d were settled more than 10 s after the pause, the last %s after it",
		pause, len(outcomes), calls, len(held), late, took.Round(100*time.Millisecond))
}

// namedAndChosen are binds, as JSON Lines, of which every other names its X, and pools with a
// number for each.
func namedAndChosen(prefix string, jobs int) (pools []dyplstest.Pool, ids []string, lines string) {
	numbers := dyplstest.Numbers("170", 2*jobs)
	for i := range jobs {
		pool, end, x := systemtest.ChosenPool, "-chosen", ""
		if i%2 == 0 {
			pool, end, x = systemtest.NamedPool, "-named", fmt.Sprintf(`,"PhoneNoX":%q`, string(numbers[i]))
		}
		ids = append(ids, fmt.Sprint(prefix, i, end))
		lines += fmt.Sprintf(`{"TaskID":%q,"PoolKey":%q,"PhoneNoA":"139%08d","Expiration":"2099-01-31 23:59:59"%s}`+"\n", ids[i], pool, i, x)
	}
	return []dyplstest.Pool{{Key: systemtest.NamedPool, Numbers: numbers[:jobs]}, {Key: systemtest.ChosenPool, Numbers: numbers[jobs:]}}, ids, lines
}

// pauseRedis stops the server's process for a while, and returns when it went on.
func pauseRedis(t *testing.T, s *systemtest.System, pause time.Duration) (resumed time.Time) {
	t.Helper()
	info, err := s.Redis.Client(t).Info(t.Context(), "server").Result()
	found := regexp.MustCompile(`process_id:(\d+)`).FindStringSubmatch(info)
	if err != nil || found == nil {
		t.Fatalf("redis tells no process id: %v", err)
	}
	pid, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	redistest.Poll(t, 2*pause, "the pause to be over", func(context.Context) error {
		if left := pause - time.Since(stopped); left > 0 {
			return fmt.Errorf("%s left", left)
		}
		return nil
	})
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	return time.Now()
}

// collected waits until every task has its outcome for good, and tells which were held as uncertain
// before.
func collected(t *testing.T, s *systemtest.System, ids []string, within time.Duration) (outcomes []tasks.Outcome, held []string) {
	t.Helper()
	queue := queuetest.On(t, s.Redis.AppClient(t))
	doubtful := map[string]bool{}
	redistest.Poll(t, within, "all outcomes", func(ctx context.Context) error {
		var err error
		if outcomes, err = queue.Outcomes(ctx, ids...); err != nil {
			return err
		}
		open := 0
		for _, o := range outcomes {
			if o.State == tasks.StateUncertain && !doubtful[o.ID] {
				doubtful[o.ID] = true
				held = append(held, o.ID)
			}
			if o.State == tasks.StatePending || o.State == tasks.StateUncertain {
				open++
			}
		}
		if open > 0 {
			return fmt.Errorf("%d of %d open", open, len(ids))
		}
		return nil
	})
	return outcomes, held
}
