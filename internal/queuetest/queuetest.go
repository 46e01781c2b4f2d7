// Package queuetest makes queues for tests, and what puts deliveries into them.
package queuetest

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// On returns a queue on a client, with the defaults, that ends with the test.
func On(tb testing.TB, client redis.UniversalClient) *tasks.Queue {
	tb.Helper()
	return New(tb, tasks.Config{Client: client})
}

// New returns a queue that ends with the test.
func New(tb testing.TB, config tasks.Config) *tasks.Queue {
	tb.Helper()
	queue, err := tasks.New(config)
	if err != nil {
		tb.Fatalf("queuetest: %v", err)
	}
	tb.Cleanup(func() { _ = queue.Close() })
	return queue
}

// Dispatcher returns what puts deliveries into so many shards of each queue, as tasks and workers
// have it.
func Dispatcher(client redis.UniversalClient, shards int) *dispatch.Dispatcher {
	return dispatch.New(dispatch.Config{
		Redis: client, Records: record.NewStore(client), Shards: shards, Now: time.Now,
		QueueOf: func(action string) (queue string, known bool) {
			kind, known := tasks.Lookup(action)
			return kind.Queue(), known
		},
	})
}

// ID is the id of a task that was just enqueued, for tests that need no more of it.
func ID[Res any](task tasks.Task[Res], err error) (string, error) { return task.ID, err }
