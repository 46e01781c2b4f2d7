package acknowledge

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

// task is one that is done. The names of the keys are asynq's.
type task struct {
	active, lease, key, day, all string
	id                           any
	forgetDay                    any // when, in Unix s

	ctx      context.Context //nolint:containedctx // of the caller that waits
	answered chan error
}

// doneOf returns nil for every command that is not asynq's script for a task that is done. No other script of asynq has the same
// keys; the one for a task that holds a lock has one more.
func doneOf(ctx context.Context, cmd redis.Cmder) *task {
	const command, keys, ids, expiry, length = 0, 3, 8, 9, 11
	args := cmd.Args()
	if len(args) != length || args[2] != ids-keys || args[command] != "evalsha" && args[command] != "eval" {
		return nil
	}
	names := [ids - keys]string{}
	for i := range names {
		names[i], _ = args[keys+i].(string)
	}
	t := &task{
		active: names[0], lease: names[1], key: names[2], day: names[3], all: names[4], id: args[ids], forgetDay: args[expiry],
		ctx: ctx, answered: make(chan error, 1),
	}
	_, isActive := asynqwire.QueueOf(t.active, "active")
	queue := strings.TrimSuffix(t.active, "active")
	if !isActive || !follows(t.lease, queue, "lease") ||
		!strings.HasPrefix(t.key, queue) || !strings.HasPrefix(t.key[len(queue):], "t:") ||
		!follows(t.all, queue, "processed") || !strings.HasPrefix(t.day, t.all) {
		return nil
	}
	return t
}

func follows(s, prefix, rest string) bool {
	return len(s) == len(prefix)+len(rest) && strings.HasPrefix(s, prefix) && s[len(prefix):] == rest
}

// notFoundError is what asynq's script answers about a task that somebody else has taken off the list.
type notFoundError struct{}

func (notFoundError) Error() string { return "NOT FOUND" }

// RedisError marks it as an answer of Redis.
func (notFoundError) RedisError() {}
