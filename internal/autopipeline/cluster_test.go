package autopipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestCluster: commands of many slots share; each goes to its node, and each caller gets its own
// reply or error.
func TestCluster(t *testing.T) {
	t.Parallel()
	client := redistest.StartMasters(t, 3).Client(t)
	hook := New(client)
	client.AddHook(hook)
	set := redis.NewScript(`redis.call('SET', KEYS[1], ARGV[1]); return ARGV[1]`)
	var calling sync.WaitGroup
	for i := range 300 {
		calling.Go(func() {
			key := fmt.Sprintf("{%d}", i)
			if got, err := set.Run(t.Context(), client, []string{key}, i).Int(); err != nil || got != i {
				t.Errorf("script %d: %d, %v", i, got, err)
			}
			if err := client.HSet(t.Context(), key, "f", "v").Err(); err == nil || !strings.HasPrefix(err.Error(), "WRONGTYPE") {
				t.Errorf("hset %d: %v", i, err)
			}
			cmds, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				set.Eval(t.Context(), p, []string{key + "a"}, "first")
				set.EvalSha(t.Context(), p, []string{key + "b"}, "second")
				return nil
			})
			if err != nil || cmds[0].(*redis.Cmd).Val() != "first" || cmds[1].(*redis.Cmd).Val() != "second" {
				t.Errorf("group %d: %v, %v", i, cmds, err)
			}
		})
	}
	calling.Wait()
	// One with keys of several slots is refused, and spoils nothing.
	calling.Go(func() {
		if err := client.Eval(t.Context(), `return redis.call('GET', KEYS[2])`, []string{"{1}", "{2}"}).Err(); err == nil {
			t.Error("keys of two slots were taken")
		}
	})
	for i := range 50 {
		calling.Go(func() {
			if got, err := client.Eval(t.Context(), `return redis.call('GET', KEYS[1])`, []string{fmt.Sprintf("{%d}", i)}).Int(); err != nil || got != i {
				t.Errorf("get %d: %d, %v", i, got, err)
			}
		})
	}
	calling.Wait()
}

// TestAFrozenNodeHoldsNobodyElseUp: what waits for one node of three takes no sender from the
// others.
func TestAFrozenNodeHoldsNobodyElseUp(t *testing.T) {
	t.Parallel()
	const held, calls = 4 * moreSenders, 300
	nodes := redistest.StartMasters(t, 3)
	client := nodes.Client(t)
	hook := New(client)
	client.AddHook(hook)
	frozen, others := keysByNode(t, client, nodes[0].Addr)
	set := redis.NewScript(`return redis.call('INCR', KEYS[1])`)
	latencies := func() []time.Duration {
		took := make([]time.Duration, calls)
		for i := range took {
			started := time.Now()
			if err := set.Run(t.Context(), client, []string{others[i%len(others)]}).Err(); err != nil {
				t.Error(err)
			}
			took[i] = time.Since(started)
		}
		slices.Sort(took)
		return took
	}
	latencies() // connections, and the script where it belongs
	before := latencies()

	ctx, end := context.WithCancel(t.Context())
	defer end()
	l := hook.laneOf(ctx, redis.NewIntCmd(ctx, "hget", frozen[0]))
	l.within = within // it is waited for as long as the calls of a busy machine take
	thaw := nodes[0].Freeze(t)
	defer thaw()
	var waiting sync.WaitGroup
	done := make(chan struct{})
	for i := range held {
		waiting.Go(func() { set.Run(ctx, client, []string{frozen[i%len(frozen)]}) })
		waiting.Go(func() { // a group whose keys are on several nodes
			_, _ = client.Pipelined(ctx, func(p redis.Pipeliner) error {
				set.Eval(ctx, p, []string{frozen[i%len(frozen)]})
				set.Eval(ctx, p, []string{others[i%len(others)]})
				return nil
			})
		})
	}
	go func() { waiting.Wait(); close(done) }()
	redistest.Poll(t, within, "the senders to wait for the frozen node", func(context.Context) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.sending < senders {
			return fmt.Errorf("%d", l.sending)
		}
		return nil
	})
	during := latencies()
	t.Logf("p50 %v, p99 %v; with a frozen node %v, %v", before[calls/2], before[calls*99/100], during[calls/2], during[calls*99/100])
	select {
	case <-done:
		t.Error("the others waited as long as whoever waits for the frozen node")
	default:
	}
	if worst := during[calls-1]; worst >= sendWithin {
		t.Errorf("one waited %v", worst)
	}
	end()
	<-done
}

// keysByNode returns keys of one node, and keys of the others.
func keysByNode(t *testing.T, client *redis.ClusterClient, addr string) (of, others []string) {
	t.Helper()
	for i := range 120 {
		key := fmt.Sprintf("key %d", i)
		node, err := client.MasterForKey(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if node.Options().Addr == addr {
			of = append(of, key)
		} else {
			others = append(others, key)
		}
	}
	return of, others
}
