package tasks_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestWaitEndsWhereRedisRefusesForGood: whoever waits is told what to mend, and does not wait until
// its own patience is over.
func TestWaitEndsWhereRedisRefusesForGood(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	own, app := server.Client(t), server.Client(t)
	rule := func(words ...any) {
		t.Helper()
		if err := own.Do(t.Context(), append([]any{"ACL", "SETUSER", "app"}, words...)...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	rule("on", ">s3cret", "~*", "&*", "+@all")
	if err := app.Do(t.Context(), "PING").Err(); err != nil {
		t.Fatal(err)
	}
	options := *app.Options()
	options.Username, options.Password = "app", "s3cret"
	queue := queuetest.On(t, redisClient(t, &options))
	if _, err := tasks.BindAXN.Enqueue(t.Context(), queue, axn(), tasks.TaskID("k")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	told := make(chan error, 1)
	reads := redistest.Calls(t, own, "hmget")
	go func() {
		_, err := queue.Wait(ctx, "k")
		told <- err
	}()
	redistest.Poll(t, time.Minute, "the first read", func(context.Context) error {
		if redistest.Calls(t, own, "hmget") == reads { //nolint:contextcheck // the test's
			return errors.New("not yet")
		}
		return nil
	})
	rule("-@hash", "-@read")
	err := <-told
	refused, is := errors.AsType[*tasks.RefusedError](err)
	if !is || refused.Code != "NOPERM" || !refused.Lasting || !strings.Contains(err.Error(), "ACL SETUSER") {
		t.Errorf("Wait ends with %v", err)
	}
}

func redisClient(t *testing.T, options *redis.Options) *redis.Client {
	t.Helper()
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}
