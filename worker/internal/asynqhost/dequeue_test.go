package asynqhost

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestAsksForMoreAsLongAsThereIsMore: 1, 2, 4, 8 at once, in the queue's order.
func TestAsksForMoreAsLongAsThereIsMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int{"q": 100})
	w.enqueue(t, "q", 20)
	w.scriptsKnown(t)
	before := w.scripts(t)
	var sent []int
	for i := range 20 {
		if id := w.dequeue(t, "q"); id != strconv.Itoa(i) {
			t.Fatalf("got task %s, want %d", id, i)
		}
		if n := w.scripts(t) - before; len(sent) == 0 || sent[len(sent)-1] != n {
			sent = append(sent, n)
		}
	}
	if want := []int{1, 3, 7, 15, 31}; !slices.Equal(sent, want) {
		t.Errorf("scripts so far %d, want %d", sent, want)
	}
}

// scriptsKnown lets Redis know the script by its hash, so that none is sent twice.
func (w world) scriptsKnown(t *testing.T) {
	t.Helper()
	if err := asynqDequeue.Load(t.Context(), w.plain).Err(); err != nil {
		t.Fatal(err)
	}
}

// TestDequeuesGoOnWhenRedisForgetsTheScript: Redis has forgotten the script in the middle of it
// all.
func TestDequeuesGoOnWhenRedisForgetsTheScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int{"q": 100})
	w.enqueue(t, "q", 20)
	for i := range 20 {
		if i%3 == 0 {
			w.plain.ScriptFlush(t.Context())
		}
		if id := w.dequeue(t, "q"); id != strconv.Itoa(i) {
			t.Fatalf("got task %s, want %d", id, i)
		}
	}
}

// startsWithin is how long what was handed out counts, by a clock that no test can stop.
func (w world) startsWithin(d time.Duration) {
	q, _ := w.queue("q")
	q.share.mu.Lock()
	defer q.share.mu.Unlock()
	q.share.startsWithin = d
}

// TestNoMoreThanThereAreFreeSlots, also where tasks are handed out and not performed yet.
func TestNoMoreThanThereAreFreeSlots(t *testing.T) {
	t.Parallel()
	const slots = 10
	w := newWorld(t, map[string]int{"q": slots})
	w.startsWithin(time.Hour)
	w.enqueue(t, "q", 100)
	var dones []func()
	for i := range slots {
		if i%2 == 0 {
			w.dequeue(t, "q")
			dones = append(dones, func() { w.Performing("q")() })
		} else {
			done := w.perform(t, "q")
			dones = append(dones, done)
		}
		if n := w.active(t, "q"); n > slots {
			t.Fatalf("%d tasks fetched for %d slots", n, slots)
		}
	}
	if n := w.active(t, "q"); n != slots {
		t.Errorf("%d tasks fetched, want one for every slot", n)
	}
	dones[1]()
	w.perform(t, "q")
	if n := w.active(t, "q"); n != slots+1 { // nobody acknowledged the other
		t.Errorf("%d tasks fetched after one slot was freed, want one more", n)
	}
}

// TestDroppedByTheServer: what asynq takes and never hands to the handler takes up no slot for
// ever.
func TestDroppedByTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int{"q": 4})
	w.startsWithin(time.Hour)
	w.enqueue(t, "q", 30)
	for range 4 {
		w.dequeue(t, "q")
	}
	if n := w.active(t, "q"); n != 4 {
		t.Fatalf("%d tasks fetched", n)
	}
	q, _ := w.queue("q")
	q.share.mu.Lock()
	for i := range q.share.handed {
		q.share.handed[i] = q.share.handed[i].Add(-time.Hour)
	}
	q.share.mu.Unlock()
	w.dequeue(t, "q")
	if n := w.active(t, "q"); n < 6 {
		t.Errorf("%d tasks fetched, want several again", n)
	}
}

// TestPausedQueue: nothing is fetched from a queue that is paused.
func TestPausedQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int{"q": 100})
	w.enqueue(t, "q", 3)
	if err := asynq.NewInspectorFromRedisClient(w.plain).PauseQueue("q"); err != nil {
		t.Fatal(err)
	}
	if id := w.dequeue(t, "q"); id != "" || w.active(t, "q") != 0 {
		t.Errorf("got task %s, %d active", id, w.active(t, "q"))
	}
}

// TestOtherQueues: of a queue that is not named one task is fetched at a time.
func TestOtherQueues(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int{"q": 100})
	w.enqueue(t, "foreign", 10)
	for i := range 10 {
		if id := w.dequeue(t, "foreign"); id != strconv.Itoa(i) || w.active(t, "foreign") != i+1 {
			t.Errorf("got task %s, %d active", id, w.active(t, "foreign"))
		}
	}
}

// TestDequeueSaysThatRedisIsAway: the error reaches whoever asked, and one at a time is asked for
// afterwards.
func TestDequeueSaysThatRedisIsAway(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w := newWorldOn(t, server, map[string]int{"q": 100})
	w.enqueue(t, "q", 10)
	for range 3 {
		w.dequeue(t, "q")
	}
	server.Kill()
	keys := []string{asynqwire.Queue("q").Key(asynqwire.Pending), asynqwire.Queue("q").Key(asynqwire.Paused), asynqwire.Queue("q").Key(asynqwire.Active), asynqwire.Queue("q").Key(asynqwire.Lease)}
	if err := asynqDequeue.Run(t.Context(), w.client, keys, 1, "x").Err(); err == nil {
		t.Error("no error without Redis")
	}
	server.Restart(t)
	w.enqueue(t, "q", 3) // it has forgotten all
	redistest.Poll(t, within, "tasks again", func(context.Context) error {
		if w.dequeue(t, "q") == "" { //nolint:contextcheck // the test's own
			return errors.New("not yet")
		}
		return nil
	})
}

// TestServersPerformEveryTaskOnce: asynq's own Servers, two queues, two Servers each: every task is
// performed once, with all slots in use, and what Redis holds as active never exceeds them by more
// than what is being acknowledged.
func TestServersPerformEveryTaskOnce(t *testing.T) {
	t.Parallel()
	const each, slots = 300, 8
	w := newWorld(t, map[string]int{"q": 2 * slots, "other": 2 * slots})
	performed := map[string]int{}
	var mu sync.Mutex
	busy, most := 0, 0
	handler := asynq.HandlerFunc(func(ctx context.Context, _ *asynq.Task) error {
		queue, _ := asynq.GetQueueName(ctx)
		defer w.Performing(queue)()
		id, _ := asynq.GetTaskID(ctx)
		mu.Lock()
		performed[queue+id]++
		busy++
		most = max(most, busy)
		mu.Unlock()
		time.Sleep(5 * time.Millisecond) // an API call
		mu.Lock()
		busy--
		mu.Unlock()
		return nil
	})
	var servers []*asynq.Server
	for _, queue := range []string{"q", "other"} {
		w.enqueue(t, queue, each)
		for range 2 {
			s := asynq.NewServerFromRedisClient(w.client, asynq.Config{
				Concurrency: slots, Queues: map[string]int{queue: 1}, TaskCheckInterval: 10 * time.Millisecond, LogLevel: asynq.FatalLevel,
			})
			if err := s.Start(handler); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Shutdown)
			servers = append(servers, s)
		}
	}
	redistest.Poll(t, within, "all tasks", func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if len(performed) < 2*each {
			return errors.New("not yet")
		}
		return nil
	})
	w.close(t)
	for _, s := range servers {
		s.Shutdown()
	}
	for task, times := range performed {
		if times != 1 {
			t.Errorf("%s was performed %d times", task, times)
		}
	}
	if most > 4*slots {
		t.Errorf("%d at once", most)
	}
	if w.active(t, "q")+w.active(t, "other") != 0 {
		t.Errorf("active: %d and %d", w.active(t, "q"), w.active(t, "other"))
	}
}
