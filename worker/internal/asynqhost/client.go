package worker

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

// acknowledgeAnyway is a hook that lets asynq acknowledge a task although it has cancelled the context it does so with:
// asynq's syncer reuses a context that was cancelled when the first try returned, so that after a short outage of Redis
// finished tasks would be performed again.
type acknowledgeAnyway struct{}

// DialHook implements [redis.Hook].
func (acknowledgeAnyway) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements [redis.Hook].
func (acknowledgeAnyway) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if name := cmd.Name(); (name == "evalsha" || name == "eval") && errors.Is(ctx.Err(), context.Canceled) {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
			defer cancel()
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (acknowledgeAnyway) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// pauseWhenAway is a hook that slows scripts down while Redis is out of reach, or refuses them because it is out of memory or
// still loading: asynq asks for the next task again at once when it could not, so that idle workers would burn whole processors.
type pauseWhenAway struct{}

// awayPause is how long a script that Redis did not run is held back, on average.
const awayPause = 100 * time.Millisecond

// DialHook implements [redis.Hook].
func (pauseWhenAway) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements [redis.Hook].
func (pauseWhenAway) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		answered := err == nil || errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "NOSCRIPT")
		if name := cmd.Name(); answered || name != "evalsha" && name != "eval" {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(awayPause/2 + rand.N(awayPause)): //nolint:gosec // spreads load; guards nothing
		}
		return err
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (pauseWhenAway) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
