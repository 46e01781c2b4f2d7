package sendonce_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/autopipeline"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/sendonce"
)

const (
	within = time.Minute
	// mark is in the requests whose replies are lost.
	mark  = "lose the reply"
	count = `return redis.call('INCR', KEYS[1])`
)

// ways are how a script is sent.
var ways = map[string]func(ctx context.Context, client *redis.ClusterClient, key string) error{
	"by itself": func(ctx context.Context, client *redis.ClusterClient, key string) error {
		return client.Eval(ctx, count, []string{key}, mark).Err()
	},
	"by its hash": func(ctx context.Context, client *redis.ClusterClient, key string) error {
		return client.EvalSha(ctx, redis.NewScript(count).Hash(), []string{key}, mark).Err()
	},
	"in a pipeline": func(ctx context.Context, client *redis.ClusterClient, key string) error {
		_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			p.Get(ctx, key)
			p.Eval(ctx, count, []string{key}, mark)
			p.Get(ctx, key)
			return nil
		})
		return err
	},
	"in a transaction": func(ctx context.Context, client *redis.ClusterClient, key string) error {
		_, err := client.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.Set(ctx, key+"set", "x", 0)
			p.Eval(ctx, count, []string{key}, mark)
			return nil
		})
		return err
	},
}

// TestALostReplyIsNotSentAgain: on each of three masters, every script is carried out once, and its
// caller is told that nobody knows. Without the hook it is carried out as often as go-redis sends
// it.
func TestALostReplyIsNotSentAgain(t *testing.T) {
	t.Parallel()
	const keys = 6
	nodes := redistest.StartMasters(t, 3)
	plain := nodes.Client(t)
	for _, node := range nodes {
		node.Client(t).ScriptLoad(t.Context(), count)
	}
	installs := map[string]func(*redis.ClusterClient){
		"without":         func(*redis.ClusterClient) {},
		"with":            func(client *redis.ClusterClient) { sendonce.Install(client) },
		"with a pipeline": func(client *redis.ClusterClient) { client.AddHook(autopipeline.New(client)); sendonce.Install(client) },
		"before a pipeline": func(client *redis.ClusterClient) { // as a producer in a worker
			sendonce.Install(client)
			client.AddHook(autopipeline.New(client))
			sendonce.Install(client)
		},
	}
	for name, install := range installs {
		client := nodes.ClientBehind(t, func(node *redistest.Server) string { return redistest.Lossy(t, node.Addr, mark) })
		install(client)
		for way, send := range ways {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				most := 0
				for i := range keys {
					key := fmt.Sprintf("{%s %s %d}", name, way, i)
					err := send(t.Context(), client, key)
					if _, answered := errors.AsType[redis.Error](err); err == nil || answered {
						t.Errorf("error %v, want one of the connection", err)
					}
					n := plain.Get(t.Context(), key).Val()
					if n != "1" && name != "without" {
						t.Errorf("carried out %s times", n)
					}
					carried, _ := plain.Get(t.Context(), key).Int()
					most = max(most, carried)
				}
				t.Logf("carried out %d times at most", most)
				if name == "without" && way != "in a transaction" && most == 1 {
					t.Error("go-redis no longer sends it again: is this package needed?")
				}
			})
		}
	}
}

// TestASlotThatMovesIsFollowed: ASK, TRYAGAIN and MOVED are answers, and what they answer was not
// carried out.
func TestASlotThatMovesIsFollowed(t *testing.T) {
	t.Parallel()
	for name, shares := range map[string]bool{"plain": false, "sharing pipelines": true} {
		for _, piped := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", piped ", piped), func(t *testing.T) {
				t.Parallel()
				nodes := redistest.StartMasters(t, 3)
				client := nodes.Client(t)
				if shares {
					client.AddHook(autopipeline.New(client))
				}
				sendonce.Install(client)
				answers := &watcher{}
				client.AddHook(answers)
				run := runner(t, client, piped)
				const here, gone = "{t}here", "{t}gone"
				from, to := nodes.Owner(t, here)
				from.Client(t).MSet(t.Context(), here, 0, gone, 0)
				move := redistest.StartSlotMove(t, from, to, here)
				move.Move(t, gone)
				if err := run(count, gone); err != nil { // ASK
					t.Error(err)
				}
				done := make(chan error)
				go func() { done <- run(`redis.call('INCR', KEYS[1]); return redis.call('INCR', KEYS[2])`, here, gone) }()
				answers.pollTryAgain(t)
				move.Move(t, here)
				if err := <-done; err != nil {
					t.Error(err)
				}
				move.Finish(t)
				if err := run(count, gone); err != nil { // MOVED
					t.Error(err)
				}
				at := to.Client(t).MGet(t.Context(), here, gone)
				if diff := cmp.Diff([]any{"1", "3"}, at.Val()); diff != "" || at.Err() != nil {
					t.Errorf("carried out (-want +got): %s %v", diff, at.Err())
				}
			})
		}
	}
}

// runner returns a function that runs a script by itself, or behind another whose slot stays.
func runner(t *testing.T, client *redis.ClusterClient, piped bool) func(script string, keys ...string) error {
	t.Helper()
	return func(script string, keys ...string) error {
		if !piped {
			return client.Eval(t.Context(), script, keys).Err()
		}
		_, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			p.Eval(t.Context(), `return 1`, []string{"another slot"})
			p.Eval(t.Context(), script, keys)
			return nil
		})
		return err
	}
}

// watcher is a hook behind all others, that sees each answer.
type watcher struct{ tryAgain atomic.Bool }

func (w *watcher) pollTryAgain(t *testing.T) {
	t.Helper()
	redistest.Poll(t, within, "TRYAGAIN", func(context.Context) error {
		if !w.tryAgain.Load() {
			return errors.New("not yet")
		}
		return nil
	})
}

// DialHook implements [redis.Hook].
func (*watcher) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (w *watcher) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		w.tryAgain.CompareAndSwap(false, redis.IsTryAgainError(err))
		return err
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (w *watcher) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			w.tryAgain.CompareAndSwap(false, redis.IsTryAgainError(cmd.Err()))
		}
		return err
	}
}
