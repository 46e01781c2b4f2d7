package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func TestReadOutcomes(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		read := func(after string, most int, want ...string) (last string) {
			t.Helper()
			told, err := s.queue.ReadOutcomes(t.Context(), after, most, 0)
			if err != nil || len(told) != len(want) {
				t.Fatalf("after %q: %v, %v, want %v", after, told, err, want)
			}
			for i, one := range told {
				if one.ID != want[i] {
					t.Errorf("after %q: %s, want %s", after, one.ID, want[i])
				}
				last = one.Entry
			}
			return last
		}
		latest := func() string {
			t.Helper()
			entry, err := s.queue.LatestEntry(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return entry
		}
		none := latest()
		read(none, 10)
		for _, id := range []string{"a", "uncertain", "b", "c"} {
			s.enqueue(t, tasks.TaskID(id))
		}
		s.fail(t, "a")
		s.settle(t, "uncertain", record.Ending{State: record.Uncertain, Code: "dyplsq.NoAnswer"})
		if err := s.queue.Resolve(t.Context(), "uncertain", tasks.ResolveRetry("me")); err != nil {
			t.Fatal(err)
		}
		s.fail(t, "b")
		now := latest()
		s.fail(t, "c")
		if last := read(none, 1, "a"); read(last, 1, "b") != now { // one that runs again is left out
			t.Errorf("%s is not the latest", now)
		}
		read("", 10, "a", "b", "c")
		read(read(now, 10, "c"), 10)
	})
}

// Whoever waits is woken; the end of its patience, of the time and of the queue end it.
func TestReadOutcomesWaits(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("k"))
		type end struct {
			told []tasks.Told
			err  error
		}
		wait := func(ctx context.Context, queue *tasks.Queue) <-chan end {
			ended := make(chan end, 1)
			go func() {
				told, err := queue.ReadOutcomes(ctx, "0-0", 1, time.Hour)
				ended <- end{told, err}
			}()
			return ended
		}
		closing := open(t, s.url)
		impatient, stop := context.WithCancel(t.Context())
		woken, stopped, closed := wait(t.Context(), s.queue), wait(impatient, s.queue), wait(t.Context(), closing)
		if told, err := s.queue.ReadOutcomes(t.Context(), "", 1, 20*time.Millisecond); len(told) != 0 || err != nil {
			t.Errorf("%v, %v", told, err)
		}
		stop()
		if e := <-stopped; !errors.Is(e.err, context.Canceled) {
			t.Errorf("%v", e.err)
		}
		if err := closing.Close(); err != nil {
			t.Error(err)
		}
		if e := <-closed; !errors.Is(e.err, tasks.ErrClosed) {
			t.Errorf("%v", e.err)
		}
		s.fail(t, "k")
		if e := <-woken; e.err != nil || len(e.told) != 1 || e.told[0].ID != "k" {
			t.Errorf("%+v", e)
		}
	})
}

// Any number may wait, at any place of the stream, by few connections, and hears of everything.
func TestReadOutcomesByMany(t *testing.T) {
	t.Parallel()
	s := newServer(t, redistest.Start(t).URL())
	queue := queuetest.New(t, tasks.Config{Redis: tasks.RedisConfig{URL: s.url + "?pool_size=3"}})
	const readers, many = 100, 50
	for i := range many {
		s.enqueue(t, tasks.TaskID(fmt.Sprint("k-", i)))
	}
	var reading sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), followWithin)
	defer cancel()
	for range readers {
		reading.Go(func() {
			seen, after := 0, ""
			for seen < many {
				told, err := queue.ReadOutcomes(ctx, after, 7, time.Minute)
				if err != nil {
					t.Errorf("after %d: %v", seen, err)
					return
				}
				for _, one := range told {
					if want := fmt.Sprint("k-", seen); one.ID != want {
						t.Errorf("%s, want %s", one.ID, want)
					}
					seen++
					after = one.Entry
				}
			}
		})
	}
	for i := range many {
		s.fail(t, fmt.Sprint("k-", i))
	}
	reading.Wait()
}
