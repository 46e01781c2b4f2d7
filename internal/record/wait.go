package record

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// waitAtMost bounds how long replicas are waited for: a call has to leave within 2 s of when it was noted.
	waitAtMost = 500 * time.Millisecond
	// waitKey is written before WAIT is asked. Redis counts who has the connection's last write, and a step that is
	// repeated may find nothing left to write: what it found would then pass for replicated.
	waitKey = "dypls:waited"
)

// ShortageError says that fewer replicas than wanted hold what was written. It is written all the same, and what is
// forgotten in a failover may be it.
type ShortageError struct{ Have, Want int }

func (e *ShortageError) Error() string {
	return fmt.Sprintf("%d of %d replicas had it within %s", e.Have, e.Want, waitAtMost)
}

// WithReplicas returns a store whose Create, Begin and Finish wait until so many replicas hold what they wrote, for half a
// second at most. 0, the default, waits for none and costs nothing.
func (s Store) WithReplicas(n int) Store {
	s.replicas = n
	return s
}

// runSafe is runAll, and waits for the replicas that the store wants. A shortage is told beside the replies; any other
// failure to wait is err: the connection may have been to a master that is one no longer.
func (s Store) runSafe(
	ctx context.Context, first *entries, script *redis.Script, calls []scriptCall,
) (cmds []*redis.Cmd, shortage *ShortageError, err error) {
	if s.replicas == 0 {
		cmds, err = s.runAll(ctx, first, script, calls)
		return cmds, nil, err
	}
	if cluster, is := s.redis.(*redis.ClusterClient); is {
		return s.runOnCluster(ctx, cluster, first, script, calls)
	}
	w := &waiter{replicas: s.replicas}
	if cmds, err = s.run(ctx, first, script, calls, w); err != nil {
		return cmds, nil, err
	}
	shortage, err = w.shortage()
	return cmds, shortage, err
}

// waiter asks how many replicas hold what a pipeline wrote before. WAIT speaks of its own connection alone: one on another
// could be answered by a new master that has never heard of it. A nil waiter asks nothing.
type waiter struct {
	replicas int
	asked    *redis.IntCmd // the latest: what Redis did not know is run, and asked for, again
}

func (w *waiter) ask(ctx context.Context, p redis.Pipeliner) {
	if w == nil {
		return
	}
	w.asked = Wait(ctx, p, w.replicas)
}

// Wait asks, right behind what was put into a pipeline to one server, how many replicas hold it: half a second at most.
func Wait(ctx context.Context, p redis.Pipeliner, replicas int) *redis.IntCmd {
	p.Set(ctx, waitKey, "", time.Minute)
	return askReplicas(ctx, p, replicas)
}

func askReplicas(ctx context.Context, p redis.Pipeliner, replicas int) *redis.IntCmd {
	asked := redis.NewIntCmd(ctx, "wait", replicas, waitAtMost.Milliseconds())
	_ = p.Process(ctx, asked)
	return asked
}

func (w *waiter) shortage() (*ShortageError, error) { return shortageOf(w.asked, w.replicas) }

func shortageOf(asked *redis.IntCmd, want int) (*ShortageError, error) {
	have, err := asked.Result()
	if err != nil || int(have) >= want {
		return nil, err
	}
	return &ShortageError{Have: int(have), Want: want}, nil
}

// fewer is the worse of two shortages, nil for none.
func fewer(a, b *ShortageError) *ShortageError {
	if a == nil || b != nil && b.Have < a.Have {
		return b
	}
	return a
}
