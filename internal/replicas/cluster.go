package replicas

import (
	"context"
	_ "embed" // the script
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/touch.lua
var touchLua string

const (
	// followed is how often a step is sent on: twice while a slot moves, and once where a node does
	// not know its script.
	followed = 8
	// followPause is before a step is sent on, n times so far. Two nodes may name each other for a
	// moment.
	followPause = 5 * time.Millisecond
)

// Step is a script on keys of one slot of a cluster.
type Step struct {
	Keys   []string // the first is there once the script has run, or nothing was to be written
	Script *redis.Script
	Args   []any

	Reply *redis.Cmd // where [RunOnCluster] did not fail

	touched *redis.Cmd
	node    string // that was named as the one to be asked, "" for the keys' own
	asking  bool   // while the slot moves there
	whole   bool   // the node did not know the script
}

// RunOnCluster runs steps on the nodes they belong to, at the same time, and waits until so many
// replicas of each hold what they wrote. It returns the first error of a step.
func RunOnCluster(
	ctx context.Context,
	cluster *redis.ClusterClient,
	replicas int,
	steps ...*Step,
) (*ShortageError, error) {
	return waiter{cluster, replicas}.run(ctx, steps)
}

type waiter struct {
	cluster  *redis.ClusterClient
	replicas int
}

func (w waiter) run(ctx context.Context, steps []*Step) (shortage *ShortageError, err error) {
	left := steps
	for n := range followed {
		if n > 0 && !pause(ctx, time.Duration(n-1)*followPause) {
			return nil, ctx.Err()
		}
		of, err := w.sendAll(ctx, left)
		if err != nil {
			w.cluster.ReloadState(ctx) // a node may be gone
			return nil, err
		}
		shortage = Fewer(shortage, of)
		if left = w.redirected(ctx, left); left == nil {
			break
		}
	}
	for _, s := range steps {
		if s.Reply.Err() != nil && !errors.Is(s.Reply.Err(), redis.Nil) {
			return nil, s.Reply.Err()
		}
	}
	return shortage, nil
}

// pause reports false when ctx is over.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// redirected are the steps that were not carried out, with where they are to be sent.
func (w waiter) redirected(ctx context.Context, steps []*Step) (left []*Step) {
	for _, s := range steps {
		err := s.Reply.Err()
		if redis.HasErrorPrefix(err, "NOSCRIPT") {
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
func (w waiter) sendAll(ctx context.Context, steps []*Step) (shortage *ShortageError, err error) {
	parts := map[*redis.Client][]*Step{}
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
			shortage, err = Fewer(shortage, of), errors.Join(err, failed)
		})
	}
	sending.Wait()
	return shortage, err
}

// send sends one node its steps. Where it carried out none, its WAIT says nothing.
func (w waiter) send(
	ctx context.Context,
	node *redis.Client,
	steps []*Step,
) (*ShortageError, error) {
	var asked *redis.IntCmd
	_, err := node.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, s := range steps {
			s.queue(ctx, p)
		}
		asked = ask(ctx, p, w.replicas)
		return nil
	})
	if _, answered := errors.AsType[redis.Error](err); err != nil && !answered {
		return nil, err
	}
	carriedOut := false
	for _, s := range steps {
		if s.Reply.Err() != nil && !errors.Is(s.Reply.Err(), redis.Nil) {
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
	return ShortageOf(asked, w.replicas)
}

func (s *Step) queue(ctx context.Context, p redis.Pipeliner) {
	s.allow(ctx, p)
	if s.whole {
		s.Reply = s.Script.Eval(ctx, p, s.Keys, s.Args...)
	} else {
		s.Reply = s.Script.EvalSha(ctx, p, s.Keys, s.Args...)
	}
	s.allow(ctx, p)
	s.touched = p.Eval(ctx, touchLua, []string{s.Keys[0]})
}

// allow lets the next command use a key whose slot is not the node's yet.
func (s *Step) allow(ctx context.Context, p redis.Pipeliner) {
	if s.asking {
		p.Do(ctx, "asking")
	}
}

// nodeOf is where a step is to be sent. The client has not heard of a node that has had no slot so
// far: it is reached by a client of its own for this once, which is to be closed.
func (w waiter) nodeOf(ctx context.Context, s *Step) (node *redis.Client, own bool, err error) {
	usual, err := w.cluster.MasterForKey(ctx, s.Keys[0])
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
