package metrics

import (
	"cmp"
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/refusal"
)

// The kinds of failure of a command to Redis.
const (
	redisAway     = "unreachable" // no answer
	redisFull     = "full"        // it has no memory left, and noeviction
	redisReadOnly = "readonly"    // it is a replica now
	redisRefused  = "refused"     // any other answer that is an error
)

var redisErrorKinds = []string{redisAway, redisFull, redisReadOnly, redisRefused}

// RedisHook counts the commands of a client that fail.
func (m *Metrics) RedisHook() redis.Hook { return redisHook{m} } //nolint:ireturn // what go-redis takes

type redisHook struct{ metrics *Metrics }

// DialHook implements [redis.Hook].
func (redisHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		return next(ctx, network, addr)
	}
}

// ProcessHook implements [redis.Hook].
func (h redisHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		h.count(err, cmd)
		return err
	}
}

// ProcessPipelineHook implements [redis.Hook]. A pipeline that failed counts once.
func (h redisHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		h.count(err, cmds...)
		return err
	}
}

// count counts one failure at most. What a client asks of a new connection, and an older Redis does
// not know, is none.
func (h redisHook) count(err error, cmds ...redis.Cmder) {
	kind := redisErrorKind(err)
	if kind != redisAway {
		kind = ""
		for _, cmd := range cmds {
			failure := cmd.Err()
			if len(cmds) == 1 { // it is told after the hooks
				failure = err
			}
			if name := cmd.Name(); name != "client" && name != "hello" {
				kind = cmp.Or(kind, redisErrorKind(failure))
			}
		}
	}
	if kind != "" {
		h.metrics.redisErrors.WithLabelValues(kind).Inc()
	}
}

// redisErrorOf has the refusals of which there is more to tell.
var redisErrorOf = map[string]string{
	refusal.Full: redisFull, "MISCONF": redisFull, "READONLY": redisReadOnly,
	"LOADING": redisAway, "MASTERDOWN": redisAway, "CLUSTERDOWN": redisAway,
}

// redisErrorKind tells what failed, "" where nothing did: that there is no such key, or no such
// script yet, is an answer; who gave up waiting had no need of one.
func redisErrorKind(err error) string {
	if err == nil || errors.Is(err, redis.Nil) || errors.Is(err, context.Canceled) {
		return ""
	}
	if refused, is := refusal.Of(err); is {
		if kind, named := redisErrorOf[refused.Code]; named {
			return kind
		}
		return redisRefused
	}
	_, answered := errors.AsType[redis.Error](err)
	switch {
	case redis.HasErrorPrefix(err, "NOSCRIPT"):
		return ""
	case answered:
		return redisRefused
	default:
		return redisAway
	}
}
