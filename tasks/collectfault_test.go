package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// A Redis that keeps what it is told keeps who was given what, too.
func TestCollectAcrossARestart(t *testing.T) {
	t.Parallel()
	redisServer := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	s := newServer(t, redisServer.URL())
	for _, id := range []string{"a", "b"} {
		s.enqueue(t, tasks.TaskID(id))
		s.fail(t, id)
	}
	entries := wantCollected(t, s.queue, "g", 1, "a failed")
	redisServer.Kill()
	if _, err := s.queue.Collect(t.Context(), "g", 1); !errors.Is(err, tasks.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	if _, err := s.queue.Acknowledge(t.Context(), "g", entries...); !errors.Is(err, tasks.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	redisServer.Restart(t)
	s = newServer(t, redisServer.URL())
	entries = append(entries, wantCollected(t, s.queue, "g", 10, "b failed")...)
	acknowledge(t, s.queue, "g", 2, entries...)
}

// A Redis that forgot everything begins anew: the group is made again, and what it knew is refused.
func TestCollectAfterRedisForgot(t *testing.T) {
	t.Parallel()
	redisServer := redistest.Start(t)
	s := newServer(t, redisServer.URL())
	s.enqueue(t, tasks.TaskID("a"))
	s.fail(t, "a")
	lost := wantCollected(t, s.queue, "g", 1, "a failed")
	redisServer.Kill()
	redisServer.Restart(t)
	s = newServer(t, redisServer.URL())
	if _, err := s.queue.Acknowledge(t.Context(), "g", lost...); len(fieldsOf(err)) != 1 || fieldsOf(err)[0] != "group" {
		t.Errorf("%v", err)
	}
	s.enqueue(t, tasks.TaskID("b"))
	s.fail(t, "b")
	entries := wantCollected(t, s.queue, "g", 10, "b failed")
	acknowledge(t, s.queue, "g", 1, append(lost, entries...)...)
}

// Whoever reads by a cursor goes on behind it when Redis is back, and hears what is told then.
func TestReadOutcomesAcrossARestart(t *testing.T) {
	t.Parallel()
	redisServer := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	s := newServer(t, redisServer.URL())
	for _, id := range []string{"a", "b"} {
		s.enqueue(t, tasks.TaskID(id))
	}
	s.fail(t, "a")
	told, err := s.queue.ReadOutcomes(t.Context(), "", 10, 0)
	if err != nil || len(told) != 1 {
		t.Fatal(told, err)
	}
	after := told[0].Entry
	heard := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), followWithin)
		defer cancel()
		for { // as a client does that is told of an error
			told, err := s.queue.ReadOutcomes(ctx, after, 10, time.Minute)
			switch {
			case err == nil && len(told) == 1 && told[0].ID == "b":
				heard <- nil
				return
			case err == nil || !errors.Is(err, tasks.ErrUnreachable):
				heard <- fmt.Errorf("%v, %w", told, err)
				return
			}
		}
	}()
	redisServer.Kill()
	redisServer.Restart(t)
	newServer(t, redisServer.URL()).fail(t, "b")
	if err := <-heard; err != nil {
		t.Error(err)
	}
}

// A master that comes back after a failover shows a record as it was, for a moment: the entry of
// its outcome is not dropped before that is over.
func TestEntryOutlivesAStaleRecord(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		age  time.Duration
		left int64
	}{"told a moment ago": {0, 1}, "told long ago": {2 * time.Minute, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, redistest.Start(t).URL())
			s.enqueue(t, tasks.TaskID("a"))
			err := s.client.XAdd(t.Context(), &redis.XAddArgs{
				Stream: record.Stream, ID: fmt.Sprint(time.Now().Add(-test.age).UnixMilli(), "-1"), Values: []string{record.StreamID, "a"},
			}).Err()
			if err != nil {
				t.Fatal(err)
			}
			wantCollected(t, s.queue, "g", 10)
			if pending, err := s.client.XPending(t.Context(), record.Stream, "g").Result(); err != nil || pending.Count != test.left {
				t.Errorf("%v are to come again, want %d; %v", pending, test.left, err)
			}
			follow(t, s.queue, "f", "a", nil)
			redistest.Poll(t, followWithin, "a follower to have read it", func(ctx context.Context) error {
				groups, err := s.client.XInfoGroups(ctx, record.Stream).Result()
				for _, g := range groups {
					if g.Name == "f" && g.EntriesRead == 1 && g.Pending == test.left {
						return nil
					}
				}
				return fmt.Errorf("%+v, %w", groups, err)
			})
		})
	}
}
