package asynqhost

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// writeTimeout bounds a script whose own context asynq has cancelled.
	writeTimeout = 3 * time.Second
	// awayPause is how long a script that Redis did not run is held back, on average.
	awayPause = 100 * time.Millisecond
)

// client is what asynq's Servers talk to: the real client, with some scripts done better.
type client struct {
	redis.UniversalClient

	host *Host
}

// EvalSha implements [redis.Cmdable].
func (c client) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	return c.host.run(ctx, script{sha: sha, keys: keys, args: args})
}

// Eval implements [redis.Cmdable]. asynq calls it when Redis does not know a script's hash.
func (c client) Eval(ctx context.Context, source string, keys []string, args ...any) *redis.Cmd {
	return c.host.run(
		ctx,
		script{sha: redis.NewScript(source).Hash(), source: source, keys: keys, args: args},
	)
}

func (h *Host) run(ctx context.Context, s script) *redis.Cmd {
	ctx, cancel := outliving(ctx)
	defer cancel()
	var cmd *redis.Cmd
	switch s.sha {
	case dequeueSHA:
		cmd = h.dequeue(ctx, s)
	case doneSHA:
		cmd = h.done(ctx, s)
	case forwardSHA:
		cmd = h.forward(ctx, s)
	case retrySHA:
		cmd = h.retry(ctx, s)
	case requeueSHA:
		cmd = h.requeue(ctx, s)
	default:
		cmd = s.send(ctx, h.redis)
	}
	pauseWhenAway(ctx, cmd.Err())
	return cmd
}

// outliving lets asynq acknowledge a task although it has cancelled the context it does so with:
// asynq's syncer reuses a context that was cancelled when the first try returned, so that after a
// short outage of Redis finished tasks would be performed again.
func outliving(ctx context.Context) (context.Context, context.CancelFunc) {
	if !errors.Is(ctx.Err(), context.Canceled) {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
}

// pauseWhenAway slows scripts down while Redis is out of reach, or refuses them because it is out
// of memory or still loading: asynq asks for the next task again at once when it could not, so that
// idle workers would burn whole processors.
func pauseWhenAway(ctx context.Context, err error) {
	if err == nil || errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "NOSCRIPT") {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(awayPause/2 + rand.N(awayPause)): //nolint:gosec // spreads load; guards nothing
	}
}
