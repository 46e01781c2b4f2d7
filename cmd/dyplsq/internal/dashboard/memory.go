package dashboard

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// memoryHook makes a queue's memory, a guess from a sample, 0 where asynq's script cannot make one:
// it breaks on an id whose task is gone, and with it would every answer that shows the queue. What
// is left behind in a queue is when it is looked at most.
type memoryHook struct{}

// ProcessHook implements [redis.Hook].
func (memoryHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		answer, isCommand := cmd.(*redis.Cmd)
		if err == nil || !isCommand || !asksMemory(cmd.Args()) || redis.HasErrorPrefix(err, "NOSCRIPT") {
			return err
		}
		if _, answered := errors.AsType[redis.Error](err); !answered {
			return err
		}
		answer.SetErr(nil)
		answer.SetVal(int64(0))
		return nil
	}
}

// DialHook implements [redis.Hook].
func (memoryHook) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessPipelineHook implements [redis.Hook].
func (memoryHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// asksMemory tells asynq's script from its others by its keys: EVALSHA script 7 asynq:{q}:active
// ... asynq:{q}:groups.
func asksMemory(args []any) bool {
	const keys, first, last = 2, 3, 9
	if len(args) <= last || args[keys] != 7 {
		return false
	}
	from, _ := args[first].(string)
	to, _ := args[last].(string)
	return strings.HasSuffix(from, ":active") && strings.HasSuffix(to, ":groups")
}
