package worker

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/refusal"
)

// takesAgain is how long no script must have been refused before Redis counts as taking them again.
const takesAgain = 3 * time.Second

// refusalLog is a hook that says once that Redis refuses, in its own sentence, and once that it does no longer: asynq would say it in
// words of its own, of every queue, every few seconds.
type refusalLog struct {
	log zerolog.Logger

	mu     sync.Mutex
	said   string // the refusal that was told; "" for none
	latest time.Time
}

// DialHook implements [redis.Hook].
func (*refusalLog) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements [redis.Hook]. Only scripts count: other commands may be some that a managed edition hides.
func (l *refusalLog) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if name := cmd.Name(); name == "evalsha" || name == "eval" {
			l.note(err)
		}
		return err
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (*refusalLog) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// note takes in how a command ended.
func (l *refusalLog) note(err error) {
	refused, is := refusal.Of(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case is && l.said != refused.Code:
		l.said, l.latest = refused.Code, time.Now()
		l.log.Error().Str("code", refused.Code).Bool("lasting", refused.Lasting).Msg("redis refuses: trying again: " + refused.Error())
	case is:
		l.latest = time.Now()
	case err == nil && l.said != "" && time.Since(l.latest) > takesAgain:
		l.said = ""
		l.log.Info().Msg("redis refuses no longer")
	}
}
