package worker

import (
	"context"
	"errors"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestAcknowledgeAnyway: scripts go out although asynq cancelled their context; nothing else does.
func TestAcknowledgeAnyway(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	client.AddHook(acknowledgeAnyway{})
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.Eval(canceled, "return redis.call('SET', KEYS[1], 'done')", []string{"key"}).Err(); err != nil {
		t.Errorf("a script: %v", err)
	}
	if err := client.Set(canceled, "key", "other", 0).Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("another command: %v, want canceled", err)
	}
	late, cancel := context.WithTimeout(t.Context(), -1)
	defer cancel()
	if err := client.Eval(late, "return 1", nil).Err(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a script past its deadline: %v", err)
	}
}

// TestQueuesAreDeclared: a dashboard finds every queue, also those that nothing was enqueued to.
func TestQueuesAreDeclared(t *testing.T) {
	t.Parallel()
	s := newSystem(t, dyplstest.Config{}, nil)
	redistest.Poll(t, outcomeWithin, "the names of all queues", func(ctx context.Context) error {
		names, err := s.redis.SMembers(ctx, "asynq:queues").Result()
		if len(names) != 4 {
			return errors.Join(err, errors.New("not yet"))
		}
		return err
	})
}
