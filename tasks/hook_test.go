package tasks_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// readHook is called around the n-th read of records by a queue: on both edges of the gap between
// subscribing, reading, and waiting for a wake-up.
type readHook struct {
	reads         atomic.Int64
	before, after func(n int64)
}

func (*readHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (*readHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h *readHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() != "hmget" {
			return next(ctx, cmds)
		}
		n := h.reads.Add(1)
		if h.before != nil {
			h.before(n)
		}
		err := next(ctx, cmds)
		if h.after != nil {
			h.after(n)
		}
		return err
	}
}

// hooked returns a queue on a client of its own with the hook.
func (s server) hooked(t *testing.T, hook *readHook) *tasks.Queue {
	t.Helper()
	options, err := tasks.ParseRedisURL(s.url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	client.AddHook(hook)
	queue := queuetest.On(t, client)
	t.Cleanup(func() { _, _ = queue.Close(), client.Close() })
	return queue
}
