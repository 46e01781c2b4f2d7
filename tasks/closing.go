package tasks

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// closing is a hook for the client that [Open] made: a command that Close cuts off fails as one that comes after it does, with
// redis.ErrClosed. By itself it fails with an error of its connection, which would say that Redis is out of reach.
type closing struct{ closed atomic.Bool }

// DialHook implements [redis.Hook].
func (*closing) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements [redis.Hook].
func (c *closing) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return c.told(next(ctx, cmd), cmd) }
}

// ProcessPipelineHook implements [redis.Hook].
func (c *closing) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { return c.told(next(ctx, cmds), cmds...) }
}

func (c *closing) told(err error, cmds ...redis.Cmder) error {
	if err == nil || !c.closed.Load() {
		return err
	}
	for _, cmd := range cmds {
		if cmd.Err() != nil {
			cmd.SetErr(redis.ErrClosed)
		}
	}
	return redis.ErrClosed
}
