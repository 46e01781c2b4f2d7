package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func TestFollow(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("before"))
		s.fail(t, "before")
		one := follow(t, s.queue, "billing", "a", nil)
		one.wants(t, "before failed") // a group begins with the oldest
		s.enqueue(t, tasks.TaskID("pending"))
		s.enqueue(t, tasks.TaskID("after"))
		s.fail(t, "after")
		one.wants(t, "before failed", "after failed")
		if o := one.outcomes[1]; o.Action != "BindAxn" || o.Code != "isv.ILLEGAL_ARGUMENT" || o.FinishedAt.IsZero() {
			t.Errorf("%+v", o)
		}
		if err := s.client.Del(t.Context(), record.Key("before")).Err(); err != nil {
			t.Fatal(err)
		}
		other := follow(t, s.queue, "audit", "a", nil) // each group gets all
		other.wants(t, "before unknown", "after failed")
		one.end(t)
		other.end(t)
		s.fail(t, "pending")
		again := follow(t, s.queue, "billing", "a", nil) // goes on where it was
		again.wants(t, "pending failed")
		s.acknowledged(t, "audit")
	})
}

// Two consumers share what there is; one dies after it was handed some and before it acknowledged
// them, and is given them again when it is back.
func TestFollowSharesAndReplays(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		const many = 200
		var want []string
		for i := range many {
			id := fmt.Sprintf("k-%03d", i)
			want = append(want, id+" failed")
			s.enqueue(t, tasks.TaskID(id))
		}
		if err := s.client.XGroupCreateMkStream(t.Context(), record.Stream, "g", "0").Err(); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			s.fail(t, fmt.Sprintf("k-%03d", i))
		}
		read, err := s.client.XReadGroup(t.Context(), &redis.XReadGroupArgs{ // a consumer that dies now
			Group: "g", Consumer: "a", Streams: []string{record.Stream, ">"}, Count: 10,
		}).Result()
		if err != nil || len(read[0].Messages) != 10 {
			t.Fatal(read, err)
		}
		a, b := follow(t, s.queue, "g", "a", nil), follow(t, s.queue, "g", "b", nil)
		a.wants(t, want[:10]...)
		for i := 10; i < many; i++ {
			s.fail(t, fmt.Sprintf("k-%03d", i))
		}
		redistest.Poll(t, followWithin, "all to be handed over", func(context.Context) error {
			got := slices.Concat(a.got(), b.got())
			slices.Sort(got)
			if !slices.Equal(got, want) {
				return fmt.Errorf("%d are", len(got))
			}
			return nil
		})
		a.end(t)
		b.end(t)
		s.acknowledged(t, "g")
	})
}

// What a consumer that is gone for good had not finished goes to another after a minute.
func TestFollowTakesOver(t *testing.T) {
	t.Parallel()
	s := newServer(t, redistest.Start(t).URL())
	s.enqueue(t, tasks.TaskID("k"))
	if err := s.client.XGroupCreateMkStream(t.Context(), record.Stream, "g", "0").Err(); err != nil {
		t.Fatal(err)
	}
	s.fail(t, "k")
	read, err := s.client.XReadGroup(t.Context(), &redis.XReadGroupArgs{
		Group: "g", Consumer: "gone", Streams: []string{record.Stream, ">"},
	}).Result()
	if err != nil {
		t.Fatal(err)
	}
	// It was a minute ago.
	err = s.client.Do(t.Context(), "XCLAIM", record.Stream, "g", "gone", 0, read[0].Messages[0].ID, "IDLE", time.Minute.Milliseconds()).Err()
	if err != nil {
		t.Fatal(err)
	}
	follow(t, s.queue, "g", "heir", nil).wants(t, "k failed")
}

// What handle refuses is kept, and offered again, while the rest goes on.
func TestFollowOffersAgain(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		for _, id := range []string{"good", "bad", "better"} {
			s.enqueue(t, tasks.TaskID(id))
			s.fail(t, id)
		}
		refusals := 0
		c := follow(t, s.queue, "g", "a", func(o tasks.Outcome) error {
			if o.ID == "bad" && refusals < 2 {
				refusals++
				return errors.New("not now")
			}
			return nil
		})
		c.wants(t, "good failed", "better failed", "bad failed")
		s.acknowledged(t, "g")
	})
}

// One that was uncertain comes again when it is settled; one that runs again is not handed over
// until then.
func TestFollowTellsWhatBecameOfUncertainOnes(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("k"))
		s.settle(t, "k", record.Ending{State: record.Uncertain, Code: "dyplsq.NoAnswer"})
		c := follow(t, s.queue, "g", "a", nil)
		c.wants(t, "k uncertain")
		if err := s.queue.Resolve(t.Context(), "k", tasks.ResolveRetry("me")); err != nil {
			t.Fatal(err)
		}
		other := follow(t, s.queue, "other", "a", nil)
		s.fail(t, "k")
		c.wants(t, "k uncertain", "k failed")
		redistest.Poll(t, followWithin, "the failure", func(context.Context) error {
			if got := other.got(); len(got) == 0 || got[len(got)-1] != "k failed" || slices.Contains(got, "k pending") {
				return fmt.Errorf("%q", got)
			}
			return nil
		})
	})
}

// Since hands out again what was told from then on.
func TestFollowSince(t *testing.T) {
	t.Parallel()
	s := newServer(t, redistest.Start(t).URL())
	for _, id := range []string{"old", "new"} {
		s.enqueue(t, tasks.TaskID(id))
	}
	s.fail(t, "old")
	c := follow(t, s.queue, "g", "a", nil)
	c.wants(t, "old failed")
	since := s.client.Time(t.Context()).Val().Add(time.Millisecond).Truncate(time.Millisecond)
	redistest.Poll(t, followWithin, "the next millisecond, on Redis' clock", func(ctx context.Context) error {
		if now := s.client.Time(ctx).Val(); now.Before(since) {
			return fmt.Errorf("it is %s", now)
		}
		return nil
	})
	s.fail(t, "new")
	c.wants(t, "old failed", "new failed")
	c.end(t)
	follow(t, s.queue, "g", "a", nil, tasks.Since(since)).wants(t, "new failed")
	follow(t, s.queue, "another", "a", nil, tasks.Since(since)).wants(t, "new failed")
}

// What was trimmed before its consumer came back is gone; the rest is not.
func TestFollowAfterTrimming(t *testing.T) {
	t.Parallel()
	s := newServer(t, redistest.Start(t).URL())
	for _, id := range []string{"lost", "left"} {
		s.enqueue(t, tasks.TaskID(id))
	}
	if err := s.client.XGroupCreateMkStream(t.Context(), record.Stream, "g", "0").Err(); err != nil {
		t.Fatal(err)
	}
	s.fail(t, "lost")
	if err := s.client.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "g", Consumer: "a", Streams: []string{record.Stream, ">"}}).Err(); err != nil {
		t.Fatal(err)
	}
	s.client.XTrimMaxLen(t.Context(), record.Stream, 0)
	s.fail(t, "left")
	c := follow(t, s.queue, "g", "a", nil)
	c.wants(t, "left failed")
	s.acknowledged(t, "g")
}
