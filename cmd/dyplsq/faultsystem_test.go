package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// allFaults is the variable that lets tests of faults run whole; make faults sets it. Without it, what takes long is left out.
const allFaults = "DYPLSQ_FAULTS"

func wholeFaults() bool { return os.Getenv(allFaults) != "" }

const (
	settledAfterKill = 100 * time.Second
	// emptyAfterKill: asynq itself takes up what a dead worker left in its hands after two minutes at most.
	emptyAfterKill = 3 * time.Minute
)

// twoPools are the pool of binds that leave X to the platform, and that of binds that name it: there nobody else takes an X.
func twoPools(numbers int) []dyplstest.Pool {
	return []dyplstest.Pool{
		{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", numbers)}, {Key: namedPool, Numbers: dyplstest.Numbers("171", numbers)},
	}
}

// namedBind is a request as JSON that names an X of its own of twoPools.
func namedBind(number int, more string) string {
	x := dyplstest.Numbers("171", number+1)[number]
	return strings.Replace(bind(number, fmt.Sprintf(`,"PhoneNoX":%q%s`, string(x), more)), dyplstest.DefaultPoolKey, namedPool, 1)
}

// namedJobs are the lines of job-0, job-1 and so on, each with an X of its own.
func namedJobs(jobs int) string {
	var lines strings.Builder
	for i := range jobs {
		fmt.Fprintln(&lines, namedBind(i, fmt.Sprintf(`,"TaskID":"job-%d"`, i)))
	}
	return lines.String()
}

// isReceived waits, for use with redistest.Poll, until the simulator has got a task's call.
func (s *system) isReceived(id string) func(context.Context) error {
	return func(context.Context) error {
		for _, e := range s.simulator.Ledger() {
			if e.Parameters["OutId"] == id {
				return nil
			}
		}
		return errors.New("not yet")
	}
}

// settledTask is an outcome, and how long after the fault it came.
type settledTask struct {
	tasks.Outcome

	after time.Duration
}

func latest(settled map[string]settledTask) time.Duration {
	var last time.Duration
	for _, o := range settled {
		last = max(last, o.after)
	}
	return last
}

// settledAfter waits for outcomes.
func (s *system) settledAfter(t *testing.T, since time.Time, ids ...string) map[string]settledTask {
	t.Helper()
	queue := queuetest.On(t, s.redis.AppClient(t))
	defer func() { _ = queue.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), settledAfterKill)
	defer cancel()
	settled := make(map[string]settledTask, len(ids))
	if err := queue.WaitAll(ctx, ids, func(o tasks.Outcome) { settled[o.ID] = settledTask{o, time.Since(since)} }); err != nil {
		var missing []string
		for _, id := range ids {
			if _, done := settled[id]; !done {
				missing = append(missing, id)
			}
		}
		t.Fatalf("not settled after %s: %s: %v", settledAfterKill, missing, err)
	}
	return settled
}

// toldInStream waits until every task's outcome is in the stream of those who follow, and none is there with two.
func (s *system) toldInStream(t *testing.T, ids ...string) {
	t.Helper()
	client := s.redis.Client(t)
	redistest.Poll(t, settledAfterKill, "every outcome to be told", func(ctx context.Context) error {
		entries, err := client.XRange(ctx, record.Stream, "-", "+").Result()
		if err != nil {
			return err
		}
		told := map[any]any{}
		for _, e := range entries {
			id, state := e.Values[record.StreamID], e.Values[record.StreamState]
			if before, twice := told[id]; twice && before != state {
				t.Fatalf("%s was told as %s, and as %s", id, before, state)
			}
			told[id] = state
		}
		for _, id := range ids {
			if told[id] == nil {
				return fmt.Errorf("%s was not told", id)
			}
		}
		return nil
	})
}

// emptied waits until asynq has nothing left to deliver.
func (s *system) emptied(t *testing.T, within time.Duration) {
	t.Helper()
	inspector := asynq.NewInspectorFromRedisClient(s.redis.Client(t))
	redistest.Poll(t, within, "asynq to be through", func(context.Context) error {
		info, err := inspector.GetQueueInfo("bind")
		if err != nil {
			return err
		}
		if left := info.Active + info.Pending + info.Scheduled + info.Retry; left > 0 {
			return fmt.Errorf("%d left", left)
		}
		return nil
	})
}

// nothingUnbound fails where a binding was removed, or is to be: in these tests none is a surplus one.
func (s *system) nothingUnbound(t *testing.T) {
	t.Helper()
	for _, e := range s.simulator.Ledger() {
		if e.Action == "UnbindSubscription" {
			t.Errorf("a binding of %s was removed", e.Parameters["SubsId"])
		}
	}
	info, err := asynq.NewInspectorFromRedisClient(s.redis.Client(t)).GetQueueInfo("unbind")
	if err != nil {
		t.Fatal(err)
	}
	if n := info.Size + info.ProcessedTotal; n > 0 {
		t.Errorf("%d bindings are to be removed", n)
	}
}

// surplus counts the binds that took effect beyond the first of their task.
func (s *system) surplus() int {
	n, bound := 0, map[string]bool{}
	for _, e := range s.simulator.Ledger() {
		if id := e.Parameters["OutId"]; e.Performed && e.Action == "BindAxn" {
			if bound[id] {
				n++
			}
			bound[id] = true
		}
	}
	return n
}

// bindCalls counts the calls that bind.
func (s *system) bindCalls() int {
	n := 0
	for _, e := range s.simulator.Ledger() {
		if e.Action == "BindAxn" {
			n++
		}
	}
	return n
}

// unanswered counts the calls that are out.
func (s *system) unanswered() int {
	n := 0
	for _, e := range s.simulator.Ledger() {
		if e.AnsweredAt.IsZero() {
			n++
		}
	}
	return n
}
