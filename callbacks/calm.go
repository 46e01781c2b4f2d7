package callbacks

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// calm is a hook that holds scripts back while Redis is away, or refuses them: an asynq Server asks
// again at once when it could not fetch a task, and some of them would burn whole processors.
type calm struct{}

// DialHook implements [redis.Hook].
func (calm) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		return next(ctx, network, addr)
	}
}

// ProcessHook implements [redis.Hook].
func (calm) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if err == nil || errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "NOSCRIPT") {
			return err
		}
		if name := cmd.Name(); name == "evalsha" || name == "eval" {
			const pause = 100 * time.Millisecond
			select {
			case <-ctx.Done():
			case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // spreads load; guards nothing
			}
		}
		return err
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (calm) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
