package asynqhost

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestAcknowledgesWhenRedisForgetsTheScript: Redis has forgotten the script in the middle of it
// all.
func TestAcknowledgesWhenRedisForgetsTheScript(t *testing.T) {
	t.Parallel()
	w := newDoneWorld(t)
	w.activate(t, "q", 6)
	for i := range 6 {
		if i%2 == 0 {
			w.plain.ScriptFlush(t.Context())
		}
		if err := w.done(t.Context(), "q", i, today); err != nil {
			t.Errorf("task %d: %v", i, err)
		}
	}
}

// TestLostReplyOfAnAcknowledgement: everybody whose reply it was hears of it; asked again, the
// tasks are not there any more, as with asynq's own script.
func TestLostReplyOfAnAcknowledgement(t *testing.T) {
	t.Parallel()
	const n = 8
	server := redistest.Start(t)
	client := redis.NewClient(&redis.Options{Addr: redistest.Lossy(t, server.Addr, "lossy"), ContextTimeoutEnabled: true, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	w := newDoneWorldOn(client, server.Client(t))
	w.activate(t, "lossy", n)
	var waiting sync.WaitGroup
	for i := range n {
		waiting.Go(func() {
			err := w.done(t.Context(), "lossy", i, today)
			if _, answered := errors.AsType[redis.Error](err); err == nil || answered && !errors.Is(err, notFoundError{}) {
				t.Errorf("task %d: %v, want an error of the connection", i, err)
			}
		})
	}
	waiting.Wait()
	// The first try left as EVALSHA, which Redis did not know, and whose answer was lost all the same.
	if err := doneScript.Load(t.Context(), w.plain).Err(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		_ = w.done(t.Context(), "lossy", i, today)
		if err := done(t.Context(), w.plain, "lossy", id(i), today); !errors.Is(err, notFoundError{}) && (err == nil || err.Error() != "NOT FOUND") {
			t.Errorf("task %d: %v, want that it is not there", i, err)
		}
	}
	if got := w.plain.Get(t.Context(), key("lossy", "processed")).Val(); got != "8" {
		t.Errorf("counted %s, want 8", got)
	}
}

// TestOverWhileItWaits: the caller leaves at once, its task stays, and the others are acknowledged.
func TestOverWhileItWaits(t *testing.T) {
	t.Parallel()
	w := newDoneWorld(t)
	w.activate(t, "q", 2)
	release := w.held(t, "q")
	ctx, end := context.WithCancel(t.Context())
	var waiting, leaving sync.WaitGroup
	leaving.Go(func() {
		if err := w.done(ctx, "q", 0, today); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want canceled", err)
		}
	})
	waiting.Go(func() {
		if err := w.done(t.Context(), "q", 1, today); err != nil {
			t.Error(err)
		}
	})
	l := w.doneLine(key("q", "active"))
	redistest.Poll(t, within, "both to wait", func(context.Context) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.waiting) != 2 {
			return errors.New("not yet")
		}
		return nil
	})
	end()
	leaving.Wait()
	release(2)
	waiting.Wait()
	if active := w.plain.LRange(t.Context(), key("q", "active"), 0, -1).Val(); len(active) != 1 || active[0] != id(0) {
		t.Errorf("active: %s", active)
	}
}

// TestAcknowledgerHearsThatRedisIsAway: everybody is told, and all is well when it is back.
func TestAcknowledgerHearsThatRedisIsAway(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w := newDoneWorldOn(server.Client(t), server.Client(t))
	server.Kill()
	var waiting sync.WaitGroup
	for i := range 20 {
		waiting.Go(func() {
			if w.done(t.Context(), "q", i, today) == nil {
				t.Error("no error without Redis")
			}
		})
	}
	waiting.Wait()
	server.Restart(t)
	w.activate(t, "q", 1)
	redistest.Poll(t, within, "a task to be acknowledged again", func(ctx context.Context) error {
		if err := w.done(ctx, "q", 0, today); err != nil && err.Error() != "NOT FOUND" {
			return err
		}
		return nil
	})
	if n := w.plain.Get(t.Context(), key("q", "processed")).Val(); n != "1" {
		t.Errorf("counted %s", n)
	}
}
