// Package queuetest makes queues for tests.
package queuetest

import (
	"testing"

	"github.com/redis/go-redis/v9"

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
