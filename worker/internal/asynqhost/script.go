package asynqhost

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// The scripts of asynq v0.26.0 that the host knows, by their SHA-1.
const (
	dequeueSHA = "a8153319360adc71cdc370107f8ab9786f204765"
	doneSHA    = "1241eaa1c73409baaf1fea0c08d203a4911bda15"
	forwardSHA = "522b1a6ae66fe79ea2f24a9af58798ab71879035"
	retrySHA   = "65fa409c88198a681c53e0892d8276eca0145694"
	requeueSHA = "f34cbfd11d1fc8019af55b50c447fc68eb8b29e5"
)

// script is a call of one of asynq's scripts.
type script struct {
	sha    string
	source string // "" where Redis is expected to know it by its hash
	keys   []string
	args   []any
}

// send sends the script as asynq would.
func (s script) send(ctx context.Context, to redis.Cmdable) *redis.Cmd {
	if s.source != "" {
		return to.Eval(ctx, s.source, s.keys, s.args...)
	}
	return to.EvalSha(ctx, s.sha, s.keys, s.args...)
}

// answer is the reply of a script that was not sent as it is.
func answer(ctx context.Context, value any, err error) *redis.Cmd {
	cmd := redis.NewCmd(ctx)
	if err != nil {
		cmd.SetErr(err)
	} else {
		cmd.SetVal(value)
	}
	return cmd
}
