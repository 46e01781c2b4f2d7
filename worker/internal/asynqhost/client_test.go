package asynqhost

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestScriptsAreAsynqs: the scripts of the asynq that this program is built with are those that the
// host knows. Where this fails, asynq has changed one: read what is new about it, teach the host,
// and pin its hash.
func TestScriptsAreAsynqs(t *testing.T) {
	t.Parallel()
	seen := &recorder{UniversalClient: redistest.Start(t).Client(t)}
	asynqs := asynq.NewClientFromRedisClient(seen)
	server := asynq.NewServerFromRedisClient(seen, asynq.Config{
		Queues: map[string]int{"q": 1}, TaskCheckInterval: time.Millisecond, DelayedTaskCheckInterval: time.Millisecond, LogLevel: asynq.FatalLevel,
		RetryDelayFunc: func(int, error, *asynq.Task) time.Duration { return time.Hour }, ShutdownTimeout: time.Millisecond,
	})
	begun, end := make(chan struct{}), make(chan struct{})
	if err := server.Start(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		switch task.Type() {
		case "retry":
			return errors.New("not now")
		case "requeue":
			close(begun)
			<-end
		}
		return nil
	})); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"done", "retry", "requeue"} {
		if _, err := asynqs.EnqueueContext(t.Context(), asynq.NewTask(kind, nil), asynq.Queue("q")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := asynqs.EnqueueContext(t.Context(), asynq.NewTask("later", nil), asynq.Queue("q"), asynq.ProcessIn(time.Hour)); err != nil {
		t.Fatal(err)
	}
	<-begun
	known := map[string]string{
		"dequeue": dequeueSHA, "done": doneSHA, "forward": forwardSHA, "retry": retrySHA, "requeue": requeueSHA,
	}
	redistest.Poll(t, within, "all scripts", func(context.Context) error { return seen.missing(known, "requeue") })
	server.Shutdown() // puts back what is not over
	close(end)
	if err := seen.missing(known, ""); err != nil {
		t.Error(err)
	}
}

// recorder notes the scripts that are run.
type recorder struct {
	redis.UniversalClient

	mu  sync.Mutex
	ran map[string]bool
}

// EvalSha implements [redis.Cmdable].
func (r *recorder) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	r.mu.Lock()
	if r.ran == nil {
		r.ran = map[string]bool{}
	}
	r.ran[sha] = true
	r.mu.Unlock()
	return r.UniversalClient.EvalSha(ctx, sha, keys, args...)
}

func (r *recorder) missing(known map[string]string, but string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, sha := range known {
		if !r.ran[sha] && name != but {
			return errors.New("asynq runs no script of the hash pinned for: " + name)
		}
	}
	return nil
}

// TestScriptsOutliveTheirContext: asynq acknowledges with a context that it has cancelled. Its
// deadline holds all the same.
func TestScriptsOutliveTheirContext(t *testing.T) {
	t.Parallel()
	w := newDoneWorld(t)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	w.activate(t, "q", 1)
	if err := w.done(canceled, "q", 0, today); err != nil {
		t.Errorf("an acknowledgement: %v", err)
	}
	if err := w.client.Eval(canceled, "return redis.call('INCR', KEYS[1])", []string{"other"}).Err(); err != nil {
		t.Errorf("another script: %v", err)
	}
	if err := w.client.HSet(canceled, "key", "f", "v").Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("another command: %v, want canceled", err)
	}
	late, cancel := context.WithTimeout(t.Context(), -1)
	defer cancel()
	if err := w.client.Eval(late, "return 1", nil).Err(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a script past its deadline: %v", err)
	}
}

// TestScriptsPauseWhenRedisIsAway: whoever asks again and again does not spin.
func TestScriptsPauseWhenRedisIsAway(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w := newWorldOn(t, server, nil)
	server.Kill()
	started := time.Now()
	const tries = 3
	for range tries {
		_ = w.client.Eval(t.Context(), "return 1", nil).Err()
	}
	if took := time.Since(started); took < tries*awayPause/2 {
		t.Errorf("%d tries one after the other took %s without Redis", tries, took)
	}
}
