package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// collected are "id state" of what a group is given, and the entries.
func collected(t *testing.T, queue *tasks.Queue, group string, most int) (got, entries []string) {
	t.Helper()
	told, err := queue.Collect(t.Context(), group, most)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range told {
		got, entries = append(got, one.ID+" "+string(one.State)), append(entries, one.Entry)
	}
	return got, entries
}

func wantCollected(t *testing.T, queue *tasks.Queue, group string, most int, want ...string) (entries []string) {
	t.Helper()
	got, entries := collected(t, queue, group, most)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s collects (-want +got):\n%s", group, diff)
	}
	return entries
}

func acknowledge(t *testing.T, queue *tasks.Queue, group string, want int, entries ...string) {
	t.Helper()
	if n, err := queue.Acknowledge(t.Context(), group, entries...); n != want || err != nil {
		t.Errorf("%s acknowledged %d, want %d: %v", group, n, want, err)
	}
}

// aMinuteLater has entries have been given to the consumer that has them a minute ago.
func (s server) aMinuteLater(t *testing.T, group string, entries ...string) {
	t.Helper()
	for _, entry := range entries {
		pending, err := s.client.XPendingExt(t.Context(), &redis.XPendingExtArgs{Stream: record.Stream, Group: group, Start: entry, End: entry, Count: 1}).Result()
		if err != nil || len(pending) != 1 {
			t.Fatalf("%s: %v, %v", entry, pending, err)
		}
		err = s.client.Do(t.Context(), "XCLAIM", record.Stream, group, pending[0].Consumer, 0, entry, "IDLE", time.Minute.Milliseconds()).Err()
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestCollect(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		wantCollected(t, s.queue, "early", 10) // nothing there, and nothing is waited for
		for _, id := range []string{"a", "b", "pending", "c"} {
			s.enqueue(t, tasks.TaskID(id), tasks.Callback("shop"))
		}
		for _, id := range []string{"a", "b", "c"} {
			s.fail(t, id)
		}
		told, err := s.queue.Collect(t.Context(), "billing", 2) // a new group begins with the oldest
		if err != nil || len(told) != 2 || told[0].ID != "a" || told[0].Code != "isv.ILLEGAL_ARGUMENT" || told[0].Callback != "shop" {
			t.Fatalf("%+v, %v", told, err)
		}
		first := []string{told[0].Entry, told[1].Entry}
		rest := wantCollected(t, s.queue, "billing", 2, "c failed")
		wantCollected(t, s.queue, "billing", 2)
		acknowledge(t, s.queue, "billing", 2, first[0], rest[0])
		acknowledge(t, s.queue, "billing", 1, append(first, rest...)...)
		acknowledge(t, s.queue, "billing", 0, first...)
		acknowledge(t, s.queue, "billing", 0)
		if err := s.client.Del(t.Context(), record.Key("b")).Err(); err != nil {
			t.Fatal(err)
		}
		wantCollected(t, s.queue, "audit", 0, "a failed", "b unknown", "c failed") // each group gets all
		wantCollected(t, s.queue, "early", 1, "a failed")
	})
}

// What was not acknowledged for a minute goes to whoever collects then, before anything new.
func TestCollectHandsOutAgain(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		for _, id := range []string{"a", "b", "c", "d"} {
			s.enqueue(t, tasks.TaskID(id))
			s.fail(t, id)
		}
		entries := wantCollected(t, s.queue, "g", 3, "a failed", "b failed", "c failed") // and dies
		other := open(t, s.url)
		s.aMinuteLater(t, "g", entries[0], entries[2])
		wantCollected(t, other, "g", 1, "a failed")
		rest := wantCollected(t, other, "g", 10, "c failed", "d failed")
		wantCollected(t, other, "g", 10)
		acknowledge(t, other, "g", 4, append(entries, rest[1])...) // whoever was given them
		s.acknowledged(t, "g")
	})
}

// Those who follow and those who collect share a group: each outcome goes to one of them, and what
// one does not finish the other is given.
func TestCollectSharesWithFollow(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("a"))
		s.fail(t, "a")
		c := follow(t, s.queue, "g", "one", nil)
		c.wants(t, "a failed")
		wantCollected(t, s.queue, "g", 10)
		c.end(t)
		for _, id := range []string{"b", "c"} {
			s.enqueue(t, tasks.TaskID(id))
			s.fail(t, id)
		}
		entries := wantCollected(t, s.queue, "g", 1, "b failed")
		s.aMinuteLater(t, "g", entries...)
		c = follow(t, s.queue, "g", "one", nil)
		redistest.Poll(t, followWithin, "both", func(context.Context) error {
			got := c.got()
			slices.Sort(got)
			if !slices.Equal(got, []string{"b failed", "c failed"}) {
				return fmt.Errorf("%q", got)
			}
			return nil
		})
		s.acknowledged(t, "g")
	})
}

// One that was uncertain comes again when it is settled, and one that runs again not until then.
func TestCollectLeavesOutWhatRunsAgain(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		for _, id := range []string{"a", "k"} {
			s.enqueue(t, tasks.TaskID(id))
		}
		s.settle(t, "k", record.Ending{State: record.Uncertain, Code: "dyplsq.NoAnswer"})
		wantCollected(t, s.queue, "g", 10, "k uncertain")
		if err := s.queue.Resolve(t.Context(), "k", tasks.ResolveRetry("me")); err != nil {
			t.Fatal(err)
		}
		s.fail(t, "a")
		wantCollected(t, s.queue, "other", 1, "a failed") // although the one before it fills the first read
		s.fail(t, "k")
		wantCollected(t, s.queue, "g", 10, "a failed", "k failed")
	})
}

func TestCollectIsBounded(t *testing.T) {
	t.Parallel()
	s := newServer(t, redistest.Start(t).URL())
	_, err := s.client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		for i := range 1200 {
			p.XAdd(t.Context(), &redis.XAddArgs{Stream: record.Stream, Values: []any{record.StreamID, fmt.Sprint("k-", i), record.StreamState, "failed"}})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for most, want := range map[int]int{0: 100, -1: 100, 7: 7, 1000: 1000, 1 << 40: 1000} {
		if got, _ := collected(t, s.queue, fmt.Sprint("g", most), most); len(got) != want {
			t.Errorf("%d: %d outcomes, want %d", most, len(got), want)
		}
		told, err := s.queue.ReadOutcomes(t.Context(), "", most, 0)
		if err != nil || len(told) != want {
			t.Errorf("%d: %d outcomes read, want %d: %v", most, len(told), want, err)
		}
	}
}

// Many collect at once, for one group, by queues of their own; some die with what they have.
// Nothing is lost, and nothing that was acknowledged comes again.
//
//nolint:gocognit // one story, told in order
func TestCollectByMany(t *testing.T) {
	t.Parallel()
	s := newServer(t, redistest.Start(t).URL())
	const many, collectors = 400, 4
	for i := range many {
		id := fmt.Sprint("k-", i)
		s.enqueue(t, tasks.TaskID(id))
		s.fail(t, id)
	}
	var mu sync.Mutex
	times, left := map[string]int{}, []string{}
	var collecting sync.WaitGroup
	for n := range collectors {
		queue := open(t, s.url)
		collecting.Go(func() {
			for round := 0; ; round++ {
				told, err := queue.Collect(t.Context(), "g", 10)
				if err != nil {
					t.Error(err)
				}
				if len(told) == 0 || err != nil {
					return
				}
				for _, one := range told {
					if round == n { // it dies with these
						mu.Lock()
						left = append(left, one.Entry)
						mu.Unlock()
						continue
					}
					if n, err := queue.Acknowledge(t.Context(), "g", one.Entry); n != 1 || err != nil {
						t.Error(n, err)
					}
					mu.Lock()
					times[one.ID]++
					mu.Unlock()
				}
			}
		})
	}
	collecting.Wait()
	s.aMinuteLater(t, "g", left...)
	for {
		told, err := s.queue.Collect(t.Context(), "g", 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(told) == 0 {
			break
		}
		for _, one := range told {
			times[one.ID]++
		}
	}
	for id, n := range times {
		if n != 1 {
			t.Errorf("%s was finished %d times", id, n)
		}
	}
	if len(times) != many {
		t.Errorf("%d of %d were", len(times), many)
	}
}

func TestCollectRefuses(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("k"))
		s.fail(t, "k")
		entries := wantCollected(t, s.queue, "结算 g/1:{x}", 1, "k failed") // odd, and a name
		for name, group := range map[string]string{"empty": "", "long": strings.Repeat("g", 129), "of dyplsq's own": "dyplsq.callbacks"} {
			if _, err := s.queue.Collect(t.Context(), group, 1); !slices.Equal(fieldsOf(err), []string{"group"}) {
				t.Errorf("%s: %v", name, err)
			}
		}
		later := "9999999999999-0"
		bad := []string{entries[0], "", "1", "-", "1-", "-1", "1-1-1", "01-1", "+1-1", "1-x", "99999999999999999999-0", "*", "$"}
		_, err := s.queue.Acknowledge(t.Context(), "", bad...)
		want := []string{"group"}
		for i := range bad[1:] {
			want = append(want, fmt.Sprintf("entries[%d]", i+1))
		}
		if diff := cmp.Diff(want, fieldsOf(err)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if _, err := s.queue.Acknowledge(t.Context(), "nobody", entries...); !slices.Equal(fieldsOf(err), []string{"group"}) {
			t.Errorf("a group that is none: %v", err)
		}
		n, err := s.queue.Acknowledge(t.Context(), "结算 g/1:{x}", later, entries[0])
		if n != 1 || !slices.Equal(fieldsOf(err), []string{"entries[0]"}) {
			t.Errorf("an entry that is none: %d, %v", n, err)
		}
		if _, err := s.queue.ReadOutcomes(t.Context(), "1-x", 1, 0); !slices.Equal(fieldsOf(err), []string{"after"}) {
			t.Errorf("%v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.queue.Collect(gone, "g", 1); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		nowhere := open(t, "redis://127.0.0.1:1/0")
		_, collecting := nowhere.Collect(t.Context(), "g", 1)
		_, acknowledging := nowhere.Acknowledge(t.Context(), "g", "1-0")
		_, reading := nowhere.ReadOutcomes(t.Context(), "1-0", 1, time.Minute)
		_, latest := nowhere.LatestEntry(t.Context())
		for _, err := range []error{collecting, acknowledging, reading, latest} {
			if !errors.Is(err, tasks.ErrUnreachable) {
				t.Errorf("Redis out of reach: %v", err)
			}
		}
	})
}

func TestCollectOnACluster(t *testing.T) {
	t.Parallel()
	client := redistest.StartMasters(t, 3).Client(t)
	queue, store := queuetest.On(t, client), record.NewStore(client)
	latest, err := queue.LatestEntry(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 30 {
		id := fmt.Sprint("k-", i)
		if _, err := tasks.BindAXN.Enqueue(t.Context(), queue, axn(), tasks.TaskID(id)); err != nil {
			t.Fatal(err)
		}
		if found, err := store.Cancel(t.Context(), id, time.Hour); err != nil || found != record.Canceled {
			t.Fatal(found, err)
		}
		want = append(want, id+" failed")
	}
	entries := wantCollected(t, queue, "g", 100, want...)
	acknowledge(t, queue, "g", 30, entries...)
	wantCollected(t, queue, "g", 100)
	told, err := queue.ReadOutcomes(t.Context(), latest, 100, time.Minute)
	if err != nil || len(told) != 30 || told[29].Entry != entries[29] {
		t.Errorf("%d were read, %v", len(told), err)
	}
}
