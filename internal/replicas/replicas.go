package replicas

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// waitAtMost bounds how long replicas are waited for: a call has to leave within 2 s of when it
	// was noted.
	waitAtMost = 500 * time.Millisecond
	// waitKey is written before WAIT is asked of a single server.
	waitKey = "dypls:waited"
)

// ShortageError says that fewer replicas than wanted hold what was written. It is written all the
// same, and what is forgotten in a failover may be it.
type ShortageError struct{ Have, Want int }

func (e *ShortageError) Error() string {
	return fmt.Sprintf("%d of %d replicas had it within %s", e.Have, e.Want, waitAtMost)
}

// Wait asks, right behind what was put into a pipeline to one server, how many replicas hold it:
// half a second at most.
func Wait(ctx context.Context, p redis.Pipeliner, replicas int) *redis.IntCmd {
	p.Set(ctx, waitKey, "", time.Minute)
	return ask(ctx, p, replicas)
}

func ask(ctx context.Context, p redis.Pipeliner, replicas int) *redis.IntCmd {
	asked := redis.NewIntCmd(ctx, "wait", replicas, waitAtMost.Milliseconds())
	_ = p.Process(ctx, asked)
	return asked
}

// ShortageOf reads the reply of a WAIT. It returns nil where as many replicas as wanted hold it.
func ShortageOf(asked *redis.IntCmd, want int) (*ShortageError, error) {
	have, err := asked.Result()
	if err != nil || int(have) >= want {
		return nil, err
	}
	return &ShortageError{Have: int(have), Want: want}, nil
}

// Fewer is the worse of two shortages, nil for none.
func Fewer(a, b *ShortageError) *ShortageError {
	if a == nil || b != nil && b.Have < a.Have {
		return b
	}
	return a
}

// Run runs a script on keys of one slot, and waits until so many replicas hold what it wrote. A
// shortage is told beside the reply; any other failure is the reply's error.
func Run(
	ctx context.Context,
	client redis.UniversalClient,
	replicas int,
	script *redis.Script,
	keys []string,
	args ...any,
) (*redis.Cmd, *ShortageError) {
	if replicas == 0 {
		return script.Run(ctx, client, keys, args...), nil
	}
	if cluster, is := client.(*redis.ClusterClient); is {
		s := &Step{Keys: keys, Script: script, Args: args, Reply: redis.NewCmd(ctx)}
		shortage, err := RunOnCluster(ctx, cluster, replicas, s)
		if err != nil {
			s.Reply.SetErr(err)
		}
		return s.Reply, shortage
	}
	reply, asked := runAsked(ctx, client, replicas, script.EvalSha, keys, args)
	if redis.HasErrorPrefix(reply.Err(), "NOSCRIPT") {
		reply, asked = runAsked(ctx, client, replicas, script.Eval, keys, args)
	}
	var shortage *ShortageError
	if reply.Err() == nil {
		var err error
		if shortage, err = ShortageOf(asked, replicas); err != nil {
			reply.SetErr(err)
		}
	}
	return reply, shortage
}

type runner func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd

func runAsked(
	ctx context.Context,
	client redis.UniversalClient,
	replicas int,
	run runner,
	keys []string,
	args []any,
) (reply *redis.Cmd, asked *redis.IntCmd) {
	_, _ = client.Pipelined(ctx, func(p redis.Pipeliner) error { // each command has its own error
		reply = run(ctx, p, keys, args...)
		asked = Wait(ctx, p, replicas)
		return nil
	})
	return reply, asked
}
