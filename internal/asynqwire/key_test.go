package asynqwire_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestNames: asynq's own keys have these names.
func TestNames(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	redis := server.Client(t)
	client := asynq.NewClientFromRedisClient(redis)
	info, err := client.Enqueue(asynq.NewTask("a", nil), asynq.Queue("q"), asynq.TaskID("id"))
	if err != nil {
		t.Fatal(err)
	}
	if err := asynq.NewInspectorFromRedisClient(redis).PauseQueue("q"); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{asynqwire.Queues, asynqwire.Queue("q").Key(asynqwire.Pending), asynqwire.Queue("q").Key(asynqwire.Paused), asynqwire.Queue("q").Task(info.ID)} {
		if redis.Exists(t.Context(), key).Val() != 1 {
			t.Errorf("asynq has no %s", key)
		}
	}
	redis.Del(t.Context(), asynqwire.Queue("q").Key(asynqwire.Paused))
	held, let := make(chan struct{}), make(chan struct{})
	worker := asynq.NewServerFromRedisClient(redis, asynq.Config{Queues: map[string]int{"q": 1}, LogLevel: asynq.FatalLevel})
	if err := worker.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		close(held)
		<-let
		return nil
	})); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(worker.Shutdown)
	<-held
	redistest.Poll(t, time.Minute, "the task to be active", func(ctx context.Context) error {
		if redis.Exists(ctx, asynqwire.Queue("q").Key(asynqwire.Active), asynqwire.Queue("q").Key(asynqwire.Lease)).Val() != 2 {
			return errors.New("not yet")
		}
		return nil
	})
	close(let)
}

func TestQueueOf(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		asynqwire.Queue("bind.3").Key(asynqwire.Pending): "bind.3",
		asynqwire.Queue("bind").Key(asynqwire.Paused):    "",
		asynqwire.Queues:       "",
		"other:{bind}:pending": "",
	} {
		queue, found := asynqwire.QueueOf(key, "pending")
		if found != (want != "") || found && queue != want {
			t.Errorf("%s is of %q (%t), want %q", key, queue, found, want)
		}
	}
}
