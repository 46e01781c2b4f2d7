package record

import (
	"context"
	_ "embed" // the scripts
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// On a cluster WAIT has no key that would lead it to the node of a record, and speaks of the connection it comes down. So each
// node is sent its own pipeline: the scripts, a write of each key behind its script, and WAIT. What a node answers with MOVED or
// ASK it has not carried out, and is sent, with a WAIT of its own, to the node that was named. A key that moves between its
// script and the write behind it is an error, whose step is to be repeated: nobody knows which replicas hold it.

var (
	//go:embed lua/touch.lua
	touchLua string
	//go:embed lua/tell.lua
	tellLua string

	tellScript = redis.NewScript(tellLua)
)

const (
	// followed is how often a step is sent on: twice while a slot moves, and once where a node does not know its script.
	followed = 8
	// followPause is before a step is sent on, n times so far. Two nodes may name each other for a moment.
	followPause = 5 * time.Millisecond
)

// step is a script on a key of a cluster.
type step struct {
	key    string
	script *redis.Script
	args   []any

	reply, touched *redis.Cmd
	node           string // that was named as the one to be asked, "" for the key's own
	asking         bool   // while the slot moves there
	whole          bool   // the node did not know the script
}

// clusterWaiter runs steps on the nodes they belong to, and waits for so many replicas of each.
type clusterWaiter struct {
	cluster  *redis.ClusterClient
	replicas int
}

// RunOnCluster runs a script on a key, down one connection with a WAIT for so many replicas of its node.
func RunOnCluster(
	ctx context.Context, cluster *redis.ClusterClient, replicas int, script *redis.Script, key string, args ...any,
) (*redis.Cmd, *ShortageError, error) {
	s := &step{key: key, script: script, args: args, reply: redis.NewCmd(ctx)}
	shortage, err := clusterWaiter{cluster, replicas}.run(ctx, []*step{s})
	if err != nil {
		s.reply.SetErr(err)
	}
	return s.reply, shortage, err
}

// runOnCluster is runSafe. The index comes first, and is held by replicas, too: it leads to records whose delivery was forgotten.
func (s Store) runOnCluster(
	ctx context.Context, cluster *redis.ClusterClient, first *entries, script *redis.Script, calls []scriptCall,
) (cmds []*redis.Cmd, shortage *ShortageError, err error) {
	forgetThen(calls)
	w := clusterWaiter{cluster, s.replicas}
	if first != nil {
		if shortage, err = w.run(ctx, first.steps()); err != nil && first.needed {
			return nil, nil, err
		}
	}
	steps := make([]*step, len(calls))
	for i, c := range calls {
		steps[i] = &step{key: Key(c.id), script: script, args: c.args}
	}
	of, err := w.run(ctx, steps)
	for _, s := range steps {
		cmds = append(cmds, s.reply)
	}
	return cmds, fewer(shortage, of), err
}

// tellOnCluster is Tell. The index is on other nodes than the stream: what a failover of the stream's forgot would not be in it either,
// so replicas are waited for between the two. Fewer than wanted keep nothing up.
func (s Store) tellOnCluster(ctx context.Context, cluster *redis.ClusterClient, told []Open) error {
	stream := &step{key: Stream, script: tellScript, args: []any{StreamID, StreamState}}
	steps := []*step{stream}
	for _, o := range told {
		stream.args = append(stream.args, o.ID, string(o.State))
		if o.State == Uncertain {
			steps = append(steps, &step{key: heldKey, script: indexScript, args: []any{setEntry, o.ID, 0}})
		}
	}
	if _, err := (clusterWaiter{cluster, s.replicas}).run(ctx, steps); err != nil {
		return fmt.Errorf("record: tell: %w", err)
	}
	return nil
}

func (e *entries) steps() (steps []*step) {
	for shard, args := range e.shards {
		if args != nil {
			steps = append(steps, &step{key: indexKey(shard), script: indexScript, args: args})
		}
	}
	return steps
}

// run returns the first error of a step, once each has its reply.
func (w clusterWaiter) run(ctx context.Context, steps []*step) (shortage *ShortageError, err error) {
	left := steps
	for n := range followed {
		if n > 0 && !pauseFor(ctx, time.Duration(n-1)*followPause) {
			return nil, ctx.Err()
		}
		of, err := w.sendAll(ctx, left)
		if err != nil {
			w.cluster.ReloadState(ctx) // a node may be gone
			return nil, err
		}
		shortage = fewer(shortage, of)
		if left = w.redirected(ctx, left); left == nil {
			break
		}
	}
	for _, s := range steps {
		if s.reply.Err() != nil && !errors.Is(s.reply.Err(), redis.Nil) {
			return nil, s.reply.Err()
		}
	}
	return shortage, nil
}

// pauseFor reports false when ctx is over.
func pauseFor(ctx context.Context, d time.Duration) bool {
	pause(ctx, d)
	return ctx.Err() == nil
}

// redirected are the steps that were not carried out, with where they are to be sent.
func (w clusterWaiter) redirected(ctx context.Context, steps []*step) (left []*step) {
	for _, s := range steps {
		err := s.reply.Err()
		if isNoScript(err) {
			s.whole = true
			left = append(left, s)
		} else if addr, moved := redis.IsMovedError(err); moved {
			w.cluster.ReloadState(ctx)
			s.node, s.asking = addr, false
			left = append(left, s)
		} else if addr, ask := redis.IsAskError(err); ask {
			s.node, s.asking = addr, true
			left = append(left, s)
		}
	}
	return left
}

// sendAll sends each node its steps, at the same time.
func (w clusterWaiter) sendAll(ctx context.Context, steps []*step) (shortage *ShortageError, err error) {
	parts := map[*redis.Client][]*step{}
	for _, s := range steps {
		node, own, err := w.nodeOf(ctx, s)
		if err != nil {
			return nil, err
		}
		if own {
			defer func() { _ = node.Close() }()
		}
		parts[node] = append(parts[node], s)
	}
	var mu sync.Mutex
	var sending sync.WaitGroup
	for node, part := range parts {
		sending.Go(func() {
			of, failed := w.send(ctx, node, part)
			mu.Lock()
			defer mu.Unlock()
			shortage, err = fewer(shortage, of), errors.Join(err, failed)
		})
	}
	sending.Wait()
	return shortage, err
}

// send sends one node its steps. Where it carried out none, its WAIT says nothing.
func (w clusterWaiter) send(ctx context.Context, node *redis.Client, steps []*step) (*ShortageError, error) {
	var asked *redis.IntCmd
	_, err := node.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, s := range steps {
			s.queue(ctx, p)
		}
		asked = askReplicas(ctx, p, w.replicas)
		return nil
	})
	if _, answered := errors.AsType[redis.Error](err); err != nil && !answered {
		return nil, err
	}
	carriedOut := false
	for _, s := range steps {
		if s.reply.Err() != nil && !errors.Is(s.reply.Err(), redis.Nil) {
			continue
		}
		if err := s.touched.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return nil, err
		}
		carriedOut = true
	}
	if !carriedOut {
		return nil, nil //nolint:nilnil // the steps tell
	}
	return shortageOf(asked, w.replicas)
}

func (s *step) queue(ctx context.Context, p redis.Pipeliner) {
	s.ask(ctx, p)
	if s.whole {
		s.reply = s.script.Eval(ctx, p, []string{s.key}, s.args...)
	} else {
		s.reply = s.script.EvalSha(ctx, p, []string{s.key}, s.args...)
	}
	s.ask(ctx, p)
	s.touched = p.Eval(ctx, touchLua, []string{s.key})
}

// ask lets the next command use a key whose slot is not the node's yet.
func (s *step) ask(ctx context.Context, p redis.Pipeliner) {
	if s.asking {
		p.Do(ctx, "asking")
	}
}

// nodeOf is where a step is to be sent. The client has not heard of a node that has had no slot so far: it is reached by a client
// of its own for this once, which is to be closed.
func (w clusterWaiter) nodeOf(ctx context.Context, s *step) (node *redis.Client, own bool, err error) {
	usual, err := w.cluster.MasterForKey(ctx, s.key)
	if err != nil || s.node == "" {
		return usual, false, err
	}
	var mu sync.Mutex
	_ = w.cluster.ForEachShard(ctx, func(_ context.Context, known *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		if known.Options().Addr == s.node {
			node = known
		}
		return nil
	})
	if node != nil {
		return node, false, nil
	}
	options := *usual.Options()
	options.Addr = s.node
	return w.cluster.Options().NewClient(&options), true, nil
}
