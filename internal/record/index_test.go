package record_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// indexed returns the index: when each id is to be looked at.
func (s server) indexed(t *testing.T) map[string]time.Time {
	t.Helper()
	found := map[string]time.Time{}
	for _, key := range s.client.Keys(t.Context(), "dypls:open:*").Val() {
		for _, z := range s.client.ZRangeWithScores(t.Context(), key, 0, -1).Val() {
			found[fmt.Sprint(z.Member)] = time.UnixMilli(int64(z.Score))
		}
	}
	return found
}

func (s server) told(t *testing.T) (told []string) {
	t.Helper()
	for _, e := range s.client.XRange(t.Context(), record.Stream, "-", "+").Val() {
		told = append(told, fmt.Sprint(e.Values[record.StreamID], " ", e.Values[record.StreamState]))
	}
	return told
}

// An id is in the index as long as its record has no outcome, and in the stream from then on.
func TestIndexFollowsTheRecord(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		want := func(open bool, told ...string) {
			t.Helper()
			_, found := s.indexed(t)["k"]
			if got := s.told(t); found != open || !slices.Equal(got, told) {
				t.Errorf("open %t, told %q; want %t, %q", found, got, open, told)
			}
		}
		within := func(least, most time.Duration) {
			t.Helper()
			if due := time.Until(s.indexed(t)["k"]); due < least || due > most {
				t.Errorf("to be looked at in %s, want %s to %s", due, least, most)
			}
		}
		s.create(t, "k")
		want(true)
		within(25*time.Second, 31*time.Second)
		begun := s.call(t, "k", "run")
		want(true)
		if err := s.store.Hurry(t.Context(), "k", "told long ago"); err != nil {
			t.Fatal(err)
		}
		want(true)
		within(-time.Minute, 0)
		s.finish(t, waiting("k", begun.Fence))
		want(true)
		s.finish(t, record.Ending{ID: "k", Fence: s.call(t, "k", "run-2").Fence, State: record.Uncertain})
		want(false, "k uncertain")
		if _, _, err := s.store.Resolve(t.Context(), record.Resolution{ID: "k", State: record.Queued, By: "me", Keep: keep}); err != nil {
			t.Fatal(err)
		}
		want(true, "k uncertain")
		s.finish(t, bound("k", s.call(t, "k", "run-3").Fence, "1000"))
		want(false, "k uncertain", "k succeeded")
		if again := s.begin(t, "k", "run-4"); again.Verdict != record.Finished {
			t.Errorf("%+v", again)
		}
		want(false, "k uncertain", "k succeeded") // a late delivery brings nothing back
	})
}

// Whatever settles a record tells so.
func TestEverySettlementIsTold(t *testing.T) {
	t.Parallel()
	settle := map[string]func(t *testing.T, s server){
		"k failed": func(t *testing.T, s server) { // by Begin: out of time
			t.Helper()
			s.create(t, "k", func(n *record.New) { n.Deadline = time.Now().Add(-time.Minute) })
			if begun := s.begin(t, "k", "run"); begun.Verdict != record.Settled {
				t.Errorf("%+v", begun)
			}
		},
		"canceled failed": func(t *testing.T, s server) {
			t.Helper()
			s.create(t, "canceled")
			if found, err := s.store.Cancel(t.Context(), "canceled", keep); err != nil || found != record.Canceled {
				t.Errorf("%s, %v", found, err)
			}
		},
		"rejected failed": func(t *testing.T, s server) {
			t.Helper()
			if err := s.store.Reject(t.Context(), record.Rejection{ID: "rejected", Action: "BindAxn", Keep: keep}); err != nil {
				t.Error(err)
			}
		},
		"settled uncertain/settled succeeded": func(t *testing.T, s server) {
			t.Helper()
			s.create(t, "settled")
			s.finish(t, record.Ending{ID: "settled", Fence: s.call(t, "settled", "run").Fence, State: record.Uncertain})
			if _, _, err := s.store.Resolve(t.Context(), record.Resolution{ID: "settled", State: record.Succeeded, By: "me", Keep: keep}); err != nil {
				t.Error(err)
			}
		},
	}
	for want, settle := range settle {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			onEachServer(t, func(t *testing.T, s server) {
				settle(t, s)
				if got := strings.Join(s.told(t), "/"); got != want {
					t.Errorf("told %q, want %q", got, want)
				}
				if open := s.indexed(t); len(open) > 0 {
					t.Errorf("open are %v", open)
				}
			})
		})
	}
}

// commands counts what a client sends: commands, and round trips.
type commands struct {
	mu    sync.Mutex
	names map[string]int
	trips int
}

// DialHook implements [redis.Hook].
func (c *commands) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (c *commands) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.count(cmd)
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (c *commands) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.count(cmds...)
		return next(ctx, cmds)
	}
}

func (c *commands) count(cmds ...redis.Cmder) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trips++
	for _, cmd := range cmds {
		c.names[cmd.Name()]++
	}
}

// What the index and the stream cost: see the comment of the index.
func TestCostOfTheIndex(t *testing.T) {
	t.Parallel()
	s := server{client: redistest.Start(t).Client(t)}
	s.store = record.NewStore(s.client)
	s.create(t, "first") // the server knows the scripts from here on
	s.finish(t, bound("first", s.call(t, "first", "run").Fence, "1"))
	counted := &commands{names: map[string]int{}}
	s.client.AddHook(counted)
	want := func(step string, trips int, names map[string]int) {
		t.Helper()
		if fmt.Sprint(counted.names) != fmt.Sprint(names) || counted.trips != trips {
			t.Errorf("%s costs %v in %d round trips, want %v in %d", step, counted.names, counted.trips, names, trips)
		}
		counted.names, counted.trips = map[string]int{}, 0
	}
	s.create(t, "k")
	want("create", 1, map[string]int{"eval": 2, "evalsha": 1})
	begun := s.call(t, "k", "run")
	want("begin", 1, map[string]int{"evalsha": 1})
	s.finish(t, bound("k", begun.Fence, "2"))
	want("finish", 3, map[string]int{"evalsha": 1, "xadd": 1, "zadd": 1, "zrem": 1})
	s.finish(t, bound("k", begun.Fence, "3"))
	want("a surplus", 2, map[string]int{"eval": 2, "evalsha": 2})
	var batch []*record.New
	for i := range 500 {
		batch = append(batch, &record.New{ID: fmt.Sprint("k", i), Action: "BindAxn", Fingerprint: fingerprint})
	}
	if _, err := s.store.Create(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	want("a batch", 1, map[string]int{"eval": 32, "evalsha": 500})
}

// An entry is never moved, nor dropped, by a look that is older than what moved it.
func TestLooksDoNotUndoEachOther(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		for _, id := range []string{"dropped", "moved", "missed"} {
			s.create(t, id)
		}
		for _, key := range s.client.Keys(t.Context(), "dypls:open:*").Val() {
			for _, id := range s.client.ZRange(t.Context(), key, 0, -1).Val() {
				s.client.ZAddXX(t.Context(), key, redis.Z{Member: id, Score: 1})
			}
		}
		s.client.Del(t.Context(), record.Key("missed"))
		due, err := s.store.Due(t.Context(), 10)
		if err != nil || len(due.Open) != 3 || due.More {
			t.Fatalf("%+v, %v", due, err)
		}
		soon := due.Now.Add(-time.Millisecond)
		if err := s.store.Defer(t.Context(), due, []record.Next{{ID: "missed", At: soon, Missed: true}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.store.Reopen(t.Context(), "moved", "me"); err != nil {
			t.Fatal(err)
		}
		if err := s.store.Defer(t.Context(), due, []record.Next{{ID: "moved", Drop: true}, {ID: "dropped", Drop: true}, {ID: "nobody", At: soon}}); err != nil {
			t.Fatal(err)
		}
		left := s.indexed(t)
		if _, moved := left["moved"]; !moved || len(left) != 2 {
			t.Errorf("left are %v", left)
		}
		due, err = s.store.Due(t.Context(), 10)
		if err != nil || len(due.Open) != 1 || !due.Open[0].Missed || due.Open[0].State != "" {
			t.Errorf("%+v, %v", due, err)
		}
	})
}

// Entries are spread evenly, and no shard or stream is mistaken for a task's record.
func TestIndexHasKeysOfItsOwn(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		for _, id := range []string{"open:00", "finished", "00", "outcomes", "stream"} {
			s.create(t, id)
			s.finish(t, bound(id, s.call(t, id, "run").Fence, "1000"))
			if r := s.read(t, id); r.State != record.Succeeded {
				t.Errorf("%s is %s", id, r.State)
			}
		}
		var batch []*record.New
		for i := range 1600 {
			batch = append(batch, &record.New{ID: fmt.Sprint("k", i), Action: "BindAxn", Fingerprint: fingerprint})
		}
		for trip := range slices.Chunk(batch, 200) { // miniredis takes long for all at once
			if _, err := s.store.Create(t.Context(), trip); err != nil {
				t.Fatal(err)
			}
		}
		keys := s.client.Keys(t.Context(), "dypls:open:*").Val()
		for _, key := range keys {
			if n := s.client.ZCard(t.Context(), key).Val(); n < 50 || n > 200 {
				t.Errorf("%s has %d of 1600", key, n)
			}
		}
		if len(keys) != 16 {
			t.Errorf("%d shards", len(keys))
		}
	})
}
