package worker

import (
	"context"
	"errors"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestQueuesAreDeclared: a dashboard finds every queue, also those that nothing was enqueued to.
func TestQueuesAreDeclared(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{}, nil)
	redistest.Poll(t, outcomeWithin, "the names of all queues", func(ctx context.Context) error {
		names, err := s.redis.SMembers(ctx, "asynq:queues").Result()
		if len(names) != 4 {
			return errors.Join(err, errors.New("not yet"))
		}
		return err
	})
}
