package autopipeline

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

const within = time.Minute

// world is a Redis, a client that shares pipelines, and one that does not.
type world struct {
	*lane

	shared    redis.UniversalClient
	plain     *redis.Client
	pipelines *counter
}

func newWorld(t *testing.T) world {
	t.Helper()
	server := redistest.Start(t)
	return newWorldOn(t, server.Client(t), server.Client(t))
}

func newWorldOn(t *testing.T, shared redis.UniversalClient, plain *redis.Client) world {
	t.Helper()
	hook := New(shared)
	w := world{lane: hook.all, shared: shared, plain: plain, pipelines: &counter{}}
	shared.AddHook(hook)
	if hook.cluster != nil { // of one node
		w.lane = hook.laneOf(t.Context(), redis.NewIntCmd(t.Context(), "hget", "any key"))
	}
	w.within = within // a pipeline may be held as long as a test needs
	shared.AddHook(w.pipelines)
	return w
}

// hold keeps Redis from running scripts and writes until what it returns is called.
func (w world) hold(t *testing.T) func() {
	t.Helper()
	w.shared.Ping(t.Context()) // a connection
	if err := w.plain.Do(t.Context(), "CLIENT", "PAUSE", time.Minute.Milliseconds(), "WRITE").Err(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := w.plain.ClientUnpause(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// holdSenders keeps every sender busy besides, so that what comes next waits, however much it is:
// those that would come to help count as busy.
func (w world) holdSenders(t *testing.T) func() {
	t.Helper()
	release := w.hold(t)
	var busy sync.WaitGroup
	for i := range senders {
		busy.Go(func() { w.shared.Eval(t.Context(), `return 1`, []string{"any key"}) })
		w.poll(t, "a busy sender", func() bool { return w.sending == i+1 && len(w.waiting) == 0 })
	}
	w.help(moreSenders - senders)
	return func() {
		release()
		busy.Wait()
		w.help(senders - moreSenders)
	}
}

func (w world) help(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sending += n
}

// poll waits until the hook is as it should be.
func (w world) poll(t *testing.T, what string, is func() bool) {
	t.Helper()
	redistest.Poll(t, within, what, func(context.Context) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !is() {
			return errors.New("not yet")
		}
		return nil
	})
}

func (w world) pollWaiting(t *testing.T, n int) {
	t.Helper()
	w.poll(t, "commands to wait", func() bool { return len(w.waiting) == n })
}

// counter is a hook that counts pipelines and their commands.
type counter struct{ pipelines, commands, single atomic.Int64 }

// DialHook implements [redis.Hook].
func (*counter) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.single.Add(1)
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if shared[cmds[0].Name()] {
			c.pipelines.Add(1)
			c.commands.Add(int64(len(cmds)))
		}
		return next(ctx, cmds)
	}
}
