package asynqhost

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestCloseGivesBack: what is in stock is at the head of its queue again, in its order, and nothing
// is fetched any more.
func TestCloseGivesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int{"q": 100, "other": 100})
	w.enqueue(t, "q", 12)
	w.enqueue(t, "other", 12)
	for range 4 { // 1, 2, and 4 fetched
		w.dequeue(t, "q")
		w.dequeue(t, "other")
	}
	w.close(t)
	for _, queue := range []string{"q", "other"} {
		if got, want := w.pending(t, queue), []string{"11", "10", "9", "8", "7", "6", "5", "4"}; !slices.Equal(got, want) {
			t.Errorf("%s: pending %s, want %s", queue, got, want)
		}
		if n := w.plain.ZCard(t.Context(), asynqwire.Queue(queue).Key(asynqwire.Lease)).Val(); n != 4 || w.active(t, queue) != 4 {
			t.Errorf("%s: %d leases, %d active, want the 4 that were handed out", queue, n, w.active(t, queue))
		}
		if state := w.plain.HGet(t.Context(), asynqwire.Queue(queue).Task("5"), "state").Val(); state != "pending" {
			t.Errorf("%s: a task that was put back is %s", queue, state)
		}
		if id := w.dequeue(t, queue); id != "" {
			t.Errorf("%s: got task %s after Close", queue, id)
		}
	}
	w.close(t) // again does nothing
}

// TestDeletedInStock: a task that somebody deleted does not come back.
func TestDeletedInStock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int{"q": 100})
	w.enqueue(t, "q", 3)
	w.dequeue(t, "q")
	w.dequeue(t, "q")
	w.plain.Del(t.Context(), asynqwire.Queue("q").Task("2"))
	w.close(t)
	if n := w.plain.Exists(t.Context(), asynqwire.Queue("q").Task("2")).Val(); n != 0 || len(w.pending(t, "q")) != 0 {
		t.Errorf("pending %s, hash exists %d", w.pending(t, "q"), n)
	}
}

// TestStaleStockIsPutBack, so that others can perform it, although nobody asks.
func TestStaleStockIsPutBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int{"q": 100})
	w.enqueue(t, "q", 7)
	w.dequeue(t, "q")
	w.dequeue(t, "q")
	w.dequeue(t, "q")
	w.dequeue(t, "q")
	if len(w.pending(t, "q")) != 0 {
		t.Fatal("nothing is in stock")
	}
	redistest.Poll(t, within, "the stock to be put back", func(context.Context) error {
		if got := w.pending(t, "q"); !slices.Equal(got, []string{"6", "5", "4"}) { //nolint:contextcheck // the test's own
			return errors.New("not yet")
		}
		return nil
	})
	if id := w.dequeue(t, "q"); id != "4" {
		t.Errorf("got task %s, want the first that was put back", id)
	}
}

// TestStaleStockIsNotHandedOut: a process that stood still asks before it has put back.
func TestStaleStockIsNotHandedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]int{"q": 100})
	w.enqueue(t, "q", 3)
	w.dequeue(t, "q")
	w.dequeue(t, "q")
	q, _ := w.queue("q")
	q.mu.Lock()
	q.stale.Stop()
	q.fetched = q.fetched.Add(-keepFor)
	q.mu.Unlock()
	w.plain.ZAdd(t.Context(), asynqwire.Queue("q").Key(asynqwire.Lease), redis.Z{Score: 1, Member: "2"})
	if id := w.dequeue(t, "q"); id != "2" {
		t.Fatalf("got task %s", id)
	}
	if w.plain.ZScore(t.Context(), asynqwire.Queue("q").Key(asynqwire.Lease), "2").Val() == 1 {
		t.Error("handed out with the lease of the fetch before")
	}
}
