package tasks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const followWithin = 30 * time.Second

// consumer collects what it is handed.
type consumer struct {
	stop context.CancelFunc
	done chan error

	mu       sync.Mutex
	outcomes []tasks.Outcome
	refuse   func(tasks.Outcome) error
}

func (c *consumer) handle(_ context.Context, o tasks.Outcome) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refuse != nil {
		if err := c.refuse(o); err != nil {
			return err
		}
	}
	c.outcomes = append(c.outcomes, o)
	return nil
}

// got returns "id state" of everything it took, in order.
func (c *consumer) got() (got []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.outcomes {
		got = append(got, o.ID+" "+string(o.State))
	}
	return got
}

func (c *consumer) wants(t *testing.T, want ...string) {
	t.Helper()
	redistest.Poll(t, followWithin, fmt.Sprintf("%q", want), func(context.Context) error {
		if got := c.got(); !slices.Equal(got, want) {
			return fmt.Errorf("%q", got)
		}
		return nil
	})
}

func (c *consumer) end(t *testing.T) {
	t.Helper()
	c.stop()
	if err := <-c.done; !errors.Is(err, context.Canceled) {
		t.Errorf("Follow ended with %v", err)
	}
}

func follow(t *testing.T, queue *tasks.Queue, group, name string, refuse func(tasks.Outcome) error, options ...tasks.FollowOption) *consumer {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	c := &consumer{stop: stop, done: make(chan error, 1), refuse: refuse}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.done <- queue.Follow(ctx, group, name, c.handle, options...)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return c
}

// acknowledged waits until a group has nothing unfinished.
func (s server) acknowledged(t *testing.T, group string) {
	t.Helper()
	redistest.Poll(t, followWithin, "all to be acknowledged", func(ctx context.Context) error {
		p, err := s.client.XPending(ctx, record.Stream, group).Result()
		if err != nil || p.Count == 0 {
			return err
		}
		return fmt.Errorf("%d are not", p.Count)
	})
}

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

// Two consumers share what there is; one dies after it was handed some and before it acknowledged them, and is given
// them again when it is back.
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

// One that was uncertain comes again when it is settled; one that runs again is not handed over until then.
func TestFollowTellsWhatBecameOfUncertainOnes(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("k"))
		s.settle(t, "k", record.Ending{State: record.Uncertain, Code: "dyplsq.NoAnswer"})
		c := follow(t, s.queue, "g", "a", nil)
		c.wants(t, "k uncertain")
		if err := s.queue.Resolve(t.Context(), "k", tasks.Resolution{Retry: true, By: "me"}); err != nil {
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
	since := time.Now().Add(5 * time.Millisecond)
	time.Sleep(10 * time.Millisecond) // on Redis' clock
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

// The reply of the command that tells an outcome is lost: it is told all the same, at least once, and the reaper is left
// an entry to look at.
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
	if err := <-ended; !errors.Is(err, tasks.ErrUnreachable) {
		t.Errorf("a queue that was closed: %v", err)
	}
}

// TestRedeliver: a task that needs another delivery gets one, once.
func TestRedeliver(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("k"))
		for _, want := range []bool{true, false} {
			if made, err := s.queue.Redeliver(t.Context(), "k", 1); made != want || err != nil {
				t.Errorf("%t, %v, want %t", made, err, want)
			}
		}
		if infos := s.deliveries(t, "bind"); len(infos) != 2 {
			t.Errorf("%d deliveries", len(infos))
		}
		s.begin(t, "k") // whoever performs it is delivered
		for _, id := range []string{"k", "nobody"} {
			if made, err := s.queue.Redeliver(t.Context(), id, 2); made || err != nil {
				t.Errorf("%s: %t, %v", id, made, err)
			}
		}
		for delivery, want := range map[string]int64{"k.12": 12, "k": 0, "k.x": 0, "a.1.2": 2, ".1": 0, "": 0} {
			if got := tasks.NumberOfDelivery(delivery); got != want {
				t.Errorf("%q is number %d, want %d", delivery, got, want)
			}
		}
	})
}
