package record_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

func TestStreamIsTrimmedByAge(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		if n, err := s.store.Trim(t.Context(), time.Hour); err != nil || n != 0 {
			t.Errorf("an empty stream: %d, %v", n, err)
		}
		now := time.Now()
		const old, young = 500, 5
		for i := range old + young {
			at := now.Add(-2 * time.Hour)
			if i >= old {
				at = now.Add(-time.Minute)
			}
			s.client.XAdd(t.Context(), &redis.XAddArgs{Stream: record.Stream, ID: fmt.Sprintf("%d-%d", at.UnixMilli(), i), Values: []any{record.StreamID, "k"}})
		}
		if _, err := s.store.Trim(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		const node = 100 // entries, of which Redis frees whole ones
		if n := s.client.XLen(t.Context(), record.Stream).Val(); n < young || n >= young+node {
			t.Errorf("%d entries are left, want %d, give or take a node", n, young)
		}
	})
}

// An outcome that the stream does not take is no failure of the task, and stays in the index for
// the reaper to tell.
func TestStreamThatTakesNothing(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		begun := s.call(t, "k", "run")
		s.client.Set(t.Context(), record.Stream, "no stream", 0)
		if verdict := s.finish(t, bound("k", begun.Fence, "1000")); verdict != record.Done {
			t.Errorf("%s", verdict)
		}
		if _, open := s.indexed(t)["k"]; !open {
			t.Error("it is off the index, and was not told")
		}
		s.client.Del(t.Context(), record.Stream)
		s.finish(t, bound("k", begun.Fence, "1000"))
		if told := s.told(t); len(told) != 1 || len(s.indexed(t)) != 0 {
			t.Errorf("told %v, open are %v", told, s.indexed(t))
		}
	})
}

// Redis out of memory takes a ZREM, and no XADD: an outcome that was not told stays in the index.
func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	s := server{client: redistest.Start(t).Client(t)}
	s.store = record.NewStore(s.client)
	s.create(t, "k")
	s.call(t, "k", "run")
	if err := s.client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	task := record.New{ID: "other", Action: "BindAxn", Fingerprint: fingerprint}
	if _, err := s.store.Create(t.Context(), []*record.New{&task}); err == nil {
		t.Error("a task was taken")
	}
	if _, answered := errors.AsType[redis.Error](s.store.Tell(t.Context(), []record.Open{{ID: "k", State: record.Failed}})); !answered {
		t.Error("an outcome was told")
	}
	s.client.ConfigSet(t.Context(), "maxmemory", "0")
	if _, open := s.indexed(t)["k"]; !open || s.read(t, "other").State != "" {
		t.Errorf("open are %v", s.indexed(t))
	}
}
