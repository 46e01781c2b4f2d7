package crash

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	settledAfterKill = 100 * time.Second
	// emptyAfterKill: asynq itself takes up what a dead worker left in its hands after two minutes at
	// most.
	emptyAfterKill = 3 * time.Minute
)

// isReceived waits, for use with redistest.Poll, until the simulator has got a task's call.
func isReceived(s *systemtest.System, id string) func(context.Context) error {
	return func(context.Context) error {
		for _, e := range s.Simulator.Ledger() {
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
func settledAfter(t *testing.T, s *systemtest.System, since time.Time, ids ...string) map[string]settledTask {
	t.Helper()
	queue := queuetest.On(t, s.Redis.AppClient(t))
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

// toldInStream waits until every task's outcome is in the stream of those who follow, and none is
// there with two.
func toldInStream(t *testing.T, s *systemtest.System, ids ...string) {
	t.Helper()
	client := s.Redis.Client(t)
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
func emptied(t *testing.T, s *systemtest.System, within time.Duration) {
	t.Helper()
	inspector := asynq.NewInspectorFromRedisClient(s.Redis.Client(t))
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

// unanswered counts the calls that are out.
func unanswered(s *systemtest.System) int {
	n := 0
	for _, e := range s.Simulator.Ledger() {
		if e.AnsweredAt.IsZero() {
			n++
		}
	}
	return n
}
