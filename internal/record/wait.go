package record

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/replicas"
)

// ShortageError says that fewer replicas than wanted hold what was written.
type ShortageError = replicas.ShortageError

// WithReplicas returns a store whose Create, Begin and Finish wait until so many replicas hold what
// they wrote, for half a second at most. 0, the default, waits for none and costs nothing.
func (s Store) WithReplicas(n int) Store {
	s.replicas = n
	return s
}

// runSafe is runAll, and waits for the replicas that the store wants. A shortage is told beside the
// replies; any other failure to wait is err: the connection may have been to a master that is one
// no longer.
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

// waiter asks how many replicas hold what a pipeline wrote before. WAIT speaks of its own
// connection alone: one on another could be answered by a new master that has never heard of it. A
// nil waiter asks nothing.
type waiter struct {
	replicas int
	asked    *redis.IntCmd // the latest: what Redis did not know is run, and asked for, again
}

func (w *waiter) ask(ctx context.Context, p redis.Pipeliner) {
	if w == nil {
		return
	}
	w.asked = replicas.Wait(ctx, p, w.replicas)
}

func (w *waiter) shortage() (*ShortageError, error) {
	return replicas.ShortageOf(w.asked, w.replicas)
}
