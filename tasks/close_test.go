package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

var subscriptionGoroutine = regexp.MustCompile(`tasks\.\(\*mailbox\)|hearing\.Line|redis/v9\.\(\*channel\)|redis/v9\.\(\*PubSub\)`)

// Not parallel: it looks at every goroutine of the process.
func TestCloseEndsGoroutines(t *testing.T) { //nolint:paralleltest // see above
	s := onMiniredis(t)
	id := s.enqueue(t)
	told := make(chan error, 1)
	go func() {
		_, err := tasks.BindAXN.Wait(context.Background(), s.queue, id)
		told <- err
	}()
	awaitSubscription(t, s)
	if err := s.queue.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	select {
	case err := <-told:
		if !errors.Is(err, tasks.ErrClosed) || errors.Is(err, tasks.ErrUnreachable) {
			t.Errorf("who waited was told %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("who waited is never told that the queue was closed")
	}
	redistest.Poll(t, time.Minute, "the goroutines to end", func(context.Context) error {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if left := subscriptionGoroutine.Find(stacks); left != nil {
			return fmt.Errorf("%s is running", left)
		}
		return nil
	})
	if _, err := tasks.BindAXN.Wait(t.Context(), s.queue, id); !errors.Is(err, tasks.ErrClosed) {
		t.Errorf("a wait after the end: %v", err)
	}
	if err := s.queue.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
}

// A queue on a client of the application's own leaves that one open.
func TestCloseLeavesTheClientOpen(t *testing.T) {
	t.Parallel()
	options, err := tasks.ParseRedisURL("redis://" + miniredis.RunT(t).Addr())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	s := newServer(t, "redis://"+options.Addr)
	queue, id := queuetest.On(t, client), s.enqueue(t)
	told := make(chan error, 1)
	go func() {
		_, err := tasks.BindAXN.Wait(context.Background(), queue, id)
		told <- err
	}()
	awaitSubscription(t, s)
	if err := queue.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-told; !errors.Is(err, tasks.ErrClosed) {
		t.Errorf("who waited was told %v", err)
	}
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("the application's own client was closed: %v", err)
	}
	_ = client.Close()
}

func awaitSubscription(t *testing.T, s server) {
	t.Helper()
	redistest.Poll(t, time.Minute, "the subscription", func(ctx context.Context) error {
		if n := s.client.PubSubNumSub(ctx, record.Channel(s.client)).Val()[record.Channel(s.client)]; n != 1 {
			return fmt.Errorf("%d subscriptions", n)
		}
		return nil
	})
}
