package asynqhost

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestSharesWait: a queue whose slots another one has is not fetched from until one is free, and
// then gets it.
func TestSharesWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int{"shared": 2})
	w.Share("shared.0", "shared")
	w.enqueue(t, "shared", 2)
	w.enqueue(t, "shared.0", 1)
	first, second := w.perform(t, "shared"), w.perform(t, "shared")
	got := make(chan string, 1)
	go func() { got <- w.dequeue(t, "shared.0") }()
	redistest.Poll(t, within, "somebody to ask", func(context.Context) error {
		q, _ := w.queue("shared.0")
		if len(q.turn) == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	if n := w.active(t, "shared.0"); n != 0 {
		t.Errorf("%d fetched without a slot", n)
	}
	first()
	if id := <-got; id != "0" {
		t.Errorf("got %q", id)
	}
	second()
}

// TestSharesEndWithClose: whoever waits for a slot is told that there is nothing.
func TestSharesEndWithClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int{"q": 1})
	w.Share("q.0", "q")
	w.enqueue(t, "q", 1)
	w.enqueue(t, "q.0", 1)
	defer w.perform(t, "q")()
	got := make(chan string, 1)
	go func() { got <- w.dequeue(t, "q.0") }()
	w.close(t)
	if id := <-got; id != "" {
		t.Errorf("got %q after the end", id)
	}
	if n := len(w.pending(t, "q.0")); n != 1 {
		t.Errorf("%d pending", n)
	}
}

// TestSharingServers: Servers of three queues that share slots perform every task once, and no more
// of them at a time than there are slots.
func TestSharingServers(t *testing.T) {
	t.Parallel()
	const each, slots = 200, 8
	w := newWorld(t, map[string]int{"q": slots})
	queues := []string{"q", "q.0", "q.1"}
	performed := map[string]int{}
	var mu sync.Mutex
	busy, most := 0, 0
	handler := asynq.HandlerFunc(func(ctx context.Context, _ *asynq.Task) error {
		queue, _ := asynq.GetQueueName(ctx)
		defer w.Performing(queue)()
		id, _ := asynq.GetTaskID(ctx)
		mu.Lock()
		performed[queue+"/"+id]++
		busy++
		most = max(most, busy)
		mu.Unlock()
		time.Sleep(2 * time.Millisecond) // an API call
		mu.Lock()
		busy--
		mu.Unlock()
		return nil
	})
	for _, queue := range queues {
		w.Share(queue, "q")
		w.enqueue(t, queue, each)
	}
	servers := make([]*asynq.Server, len(queues))
	for i, queue := range queues {
		servers[i] = asynq.NewServerFromRedisClient(w.client, asynq.Config{
			Concurrency: slots, Queues: map[string]int{queue: 1}, TaskCheckInterval: 10 * time.Millisecond, LogLevel: asynq.FatalLevel,
		})
		if err := servers[i].Start(handler); err != nil {
			t.Fatal(err)
		}
	}
	redistest.Poll(t, within, "all tasks", func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if len(performed) < len(queues)*each {
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
	if most > 2*slots { // each queue's Server has as many; what is slow to begin counts no longer
		t.Errorf("%d at once, of %d slots", most, slots)
	}
	if taken := w.shares["q"]; taken.taken != 0 || taken.running != 0 {
		t.Errorf("%d slots taken and %d running at the end", taken.taken, taken.running)
	}
}

// TestAwayKeepsNoSlot: a queue whose node does not answer is asked again without a slot, so that
// the other keeps all of them.
func TestAwayKeepsNoSlot(t *testing.T) {
	t.Parallel()
	s := newShare(1)
	away, other := newQueue(nil, "shared.0", s), newQueue(nil, "shared.1", s)
	lost := redis.NewCmd(t.Context())
	lost.SetErr(io.EOF)
	n, reserved := away.reserve(t.Context())
	if n != 1 || reserved != 1 {
		t.Fatalf("asks for %d with %d slots", n, reserved)
	}
	if _, err := away.store(time.Now(), true, reserved, []*redis.Cmd{lost}); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if n, reserved = away.reserve(t.Context()); n != 1 || reserved != 0 {
		t.Errorf("asks again for %d with %d slots, want 1 without", n, reserved)
	}
	if got, _ := other.reserve(t.Context()); got != 1 {
		t.Errorf("the other has %d slots", got)
	}
	other.share.give(1)
	found := redis.NewCmd(t.Context())
	found.SetVal("message")
	if _, err := away.store(time.Now(), true, reserved, []*redis.Cmd{found}); err != nil {
		t.Error(err)
	}
	if free := s.free(); free != 0 {
		t.Errorf("%d slots are free while what was found is handed out", free)
	}
}
