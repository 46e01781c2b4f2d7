package tasks_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Redis that forgets everything, or is away, ends nobody who follows.
func TestFollowOutlivesRedis(t *testing.T) {
	t.Parallel()
	redisServer := redistest.Start(t)
	s := newServer(t, redisServer.URL())
	c := follow(t, s.queue, "g", "a", nil)
	s.enqueue(t, tasks.TaskID("first"))
	s.fail(t, "first")
	c.wants(t, "first failed")
	redisServer.Kill()
	redisServer.Restart(t) // without its data
	s = newServer(t, redisServer.URL())
	s.enqueue(t, tasks.TaskID("second"))
	s.fail(t, "second")
	c.wants(t, "first failed", "second failed")
	c.end(t)
}

// The reply of the command that tells an outcome is lost: it is told all the same, at least once,
// and the reaper is left an entry to look at.
func TestLostReplyOfTheStream(t *testing.T) {
	t.Parallel()
	s := newServer(t, redistest.Start(t).URL())
	s.enqueue(t, tasks.TaskID("k"))
	lost := false
	p := startProxy(t, s.url, func(request []byte) bool {
		hit := !lost && bytes.Contains(bytes.ToLower(request), []byte("\r\nxadd\r\n"))
		lost = lost || hit
		return hit
	})
	begun := s.begin(t, "k")
	options, err := tasks.ParseRedisURL(p.url())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	e := record.Ending{ID: "k", Fence: begun.Fence, State: record.Failed, Keep: time.Hour}
	if verdict, err := record.NewStore(client).Finish(t.Context(), e); err != nil || verdict != record.Done || p.losses() != 1 {
		t.Fatalf("%s, %v, %d replies lost", verdict, err, p.losses())
	}
	follow(t, s.queue, "g", "a", nil).wants(t, "k failed")
	open := int64(0)
	for _, key := range s.client.Keys(t.Context(), "dypls:open:*").Val() {
		open += s.client.ZCard(t.Context(), key).Val()
	}
	if open != 1 {
		t.Errorf("%d entries are in the index", open)
	}
}

func TestFollowRefusesNamelessOnes(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	for _, names := range [][2]string{{"", "a"}, {"g", ""}} {
		err := s.queue.Follow(t.Context(), names[0], names[1], func(context.Context, tasks.Outcome) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "must not be empty") {
			t.Errorf("%q: %v", names, err)
		}
	}
	nowhere := open(t, "redis://127.0.0.1:1/0")
	if err := nowhere.Follow(t.Context(), "g", "a", nil); !errors.Is(err, tasks.ErrUnreachable) {
		t.Errorf("Redis out of reach: %v", err)
	}
	ended := make(chan error, 1)
	closing := open(t, s.url)
	go func() {
		ended <- closing.Follow(context.WithoutCancel(t.Context()), "g", "a", func(context.Context, tasks.Outcome) error { return nil })
	}()
	redistest.Poll(t, followWithin, "the group", func(ctx context.Context) error { return s.client.XPending(ctx, record.Stream, "g").Err() })
	if err := closing.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, tasks.ErrClosed) {
		t.Errorf("a queue that was closed: %v", err)
	}
}

// TestRedeliver: a task that needs another delivery gets one, once.
func TestRedeliver(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("k"))
		for _, want := range []bool{true, false} {
			if made, err := queuetest.Dispatcher(s.client, 1).Redeliver(t.Context(), "k", 1); made != want || err != nil {
				t.Errorf("%t, %v, want %t", made, err, want)
			}
		}
		if infos := s.deliveries(t, "bind"); len(infos) != 2 {
			t.Errorf("%d deliveries", len(infos))
		}
		s.begin(t, "k") // whoever performs it is delivered
		for _, id := range []string{"k", "nobody"} {
			if made, err := queuetest.Dispatcher(s.client, 1).Redeliver(t.Context(), id, 2); made || err != nil {
				t.Errorf("%s: %t, %v", id, made, err)
			}
		}
	})
}
