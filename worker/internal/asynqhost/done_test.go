package asynqhost

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

const today, tomorrow = "2026-11-22", "2026-11-23"

// TestLeavesWhatAsynqLeaves: alone and together, the same is in Redis as after asynq's own script,
// and the same is answered.
func TestLeavesWhatAsynqLeaves(t *testing.T) {
	t.Parallel()
	const n = 5
	ours, asynqs := newDoneWorld(t), newDoneWorld(t)
	for _, w := range []doneWorld{ours, asynqs} {
		w.activate(t, "q", n)
		w.plain.Del(t.Context(), key("q", "t:"+id(1)))
		w.plain.ZRem(t.Context(), key("q", "lease"), id(3))
	}
	for i := range n + 1 { // and one that is not active
		got, want := ours.done(t.Context(), "q", i, today), done(t.Context(), asynqs.plain, "q", id(i), today)
		if (got == nil) != (want == nil) || got != nil && got.Error() != want.Error() {
			t.Errorf("task %d: %v, asynq says %v", i, got, want)
		}
	}
	if got, want := left(t, ours.plain), left(t, asynqs.plain); got != want {
		t.Errorf("left:\n%q\nwant:\n%q", got, want)
	}
}

// TestManyAreAcknowledgedInOneScript: what comes while a script is out leaves together, at most so
// many at a time and of one day.
func TestManyAreAcknowledgedInOneScript(t *testing.T) {
	t.Parallel()
	const n = doneMost + 10
	w := newDoneWorld(t)
	if err := doneScript.Load(t.Context(), w.plain).Err(); err != nil {
		t.Fatal(err)
	}
	w.activate(t, "q", n)
	before := w.scripts(t)
	release := w.held(t, "q")
	var waiting sync.WaitGroup
	for i := range n {
		waiting.Go(func() {
			if err := w.done(t.Context(), "q", i, today); err != nil {
				t.Errorf("task %d: %v", i, err)
			}
		})
	}
	release(n)
	waiting.Wait()
	if sent := w.scripts(t) - before; sent != 2 {
		t.Errorf("%d scripts for %d tasks, want 2", sent, n)
	}
	for _, count := range []string{"processed", "processed:" + today} {
		if got, err := w.plain.Get(t.Context(), key("q", count)).Int(); err != nil || got != n {
			t.Errorf("%s is %d, %v", count, got, err)
		}
	}
	if got := w.plain.Exists(t.Context(), key("q", "active"), key("q", "lease"), key("q", "t:"+id(0))).Val(); got != 0 {
		t.Errorf("%d keys are left", got)
	}
}

// TestEachDayHasItsCount: each day has its count, also of tasks that were done at once.
func TestEachDayHasItsCount(t *testing.T) {
	t.Parallel()
	w := newDoneWorld(t)
	w.activate(t, "q", 4)
	release := w.held(t, "q")
	var waiting sync.WaitGroup
	for i := range 4 {
		waiting.Go(func() {
			if err := w.done(t.Context(), "q", i, []string{today, tomorrow}[i/3]); err != nil {
				t.Errorf("task %d: %v", i, err)
			}
		})
	}
	release(4)
	waiting.Wait()
	for day, want := range map[string]string{today: "3", tomorrow: "1"} {
		if got := w.plain.Get(t.Context(), key("q", "processed:"+day)).Val(); got != want {
			t.Errorf("%s: %s, want %s", day, got, want)
		}
	}
}

// TestServersAcknowledgeEveryTask: asynq's own Servers acknowledge through it: every task is
// performed once, and nothing is left.
func TestServersAcknowledgeEveryTask(t *testing.T) {
	t.Parallel()
	const each = 300
	w := newDoneWorld(t)
	var performed atomic.Int64
	before := w.scripts(t)
	for _, queue := range []string{"q", "other"} {
		client := asynq.NewClientFromRedisClient(w.plain)
		for range each {
			if _, err := client.Enqueue(asynq.NewTask("kind", nil), asynq.Queue(queue)); err != nil {
				t.Fatal(err)
			}
		}
		s := asynq.NewServerFromRedisClient(w.client, asynq.Config{
			Concurrency: 16, Queues: map[string]int{queue: 1}, TaskCheckInterval: 10 * time.Millisecond, LogLevel: asynq.WarnLevel,
		})
		handler := asynq.HandlerFunc(func(context.Context, *asynq.Task) error { performed.Add(1); return nil })
		if err := s.Start(handler); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Shutdown)
	}
	redistest.Poll(t, within, "all tasks", func(ctx context.Context) error {
		for _, queue := range []string{"q", "other"} {
			if w.plain.Get(ctx, key(queue, "processed")).Val() != "300" || w.plain.Exists(ctx, key(queue, "active"), key(queue, "lease")).Val() != 0 {
				return errors.New("not yet")
			}
		}
		return nil
	})
	if performed.Load() != 2*each {
		t.Errorf("%d performed", performed.Load())
	}
	t.Logf("%d scripts for %d tasks, which asynq enqueued, fetched and acknowledged", w.scripts(t)-before, 2*each)
}

// TestOtherScripts, also those with the same keys, go their way.
func TestOtherScripts(t *testing.T) {
	t.Parallel()
	w := newDoneWorld(t)
	for name, keys := range map[string][]string{
		"done":    {key("q", "active"), key("q", "lease"), key("q", "t:1"), key("q", "processed:"+today), key("q", "processed")},
		"dequeue": {key("q", "pending"), key("q", "paused"), key("q", "active"), key("q", "lease")},
	} {
		if got, err := redis.NewScript(`return #KEYS`).Run(t.Context(), w.client, keys, 1, 2, 3).Int(); err != nil || got != len(keys) {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
}
