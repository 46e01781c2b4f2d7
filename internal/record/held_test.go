package record_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func (s server) wantHeld(t *testing.T, ids ...string) {
	t.Helper()
	held, err := s.store.Held(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, task := range held.Tasks {
		got = append(got, task.ID)
		if task.Since.IsZero() || task.Action != "BindAxn" {
			t.Errorf("%+v", task)
		}
	}
	slices.Sort(got) // two may have been told in one millisecond
	if held.Count != len(ids) || fmt.Sprint(got) != fmt.Sprint(ids) {
		t.Errorf("%d are held, %q; want %q", held.Count, got, ids)
	}
}

// The list has every task that is held, and none that is settled, whoever settled it and however
// often it was told.
func TestHeld(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.wantHeld(t)
		fence := s.hold(t, "late")
		for _, id := range []string{"retried", "resolved", "crashed", "gone"} {
			if id != "crashed" {
				s.hold(t, id)
				continue
			}
			s.create(t, id)
			s.call(t, id, "run", brief)
			if begun := s.lapsed(t, id, "run-2", lastCrash); begun.State != record.Uncertain {
				t.Fatalf("%+v", begun)
			}
		}
		if held, err := s.store.Held(t.Context(), 2); err != nil || held.Count != 5 || len(held.Tasks) != 2 {
			t.Errorf("%+v, %v", held, err)
		}
		s.finish(t, bound("late", fence, "1000"))
		s.resolve(t, resolved("resolved", record.Failed), record.Uncertain, 0)
		s.resolve(t, resolved("retried", record.Queued), record.Uncertain, 2)
		s.client.Del(t.Context(), record.Key("gone"))
		s.wantHeld(t, "crashed")
		again := s.call(t, "retried", "run-3")
		s.finish(t, record.Ending{ID: "retried", Fence: again.Fence, State: record.Uncertain, Counts: true, Sent: true})
		s.wantHeld(t, "crashed", "retried")
	})
}

// A task whose outcome could not be told stays in the index, and is on the list once the reaper has
// told it.
func TestHeldAfterALostTell(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.client.Set(t.Context(), "dypls:held", "no list", 0)
		s.hold(t, "k")
		if _, open := s.indexed(t)["k"]; !open {
			t.Error("it is off the index, and not on the list")
		}
		s.client.Del(t.Context(), "dypls:held")
		if err := s.store.Tell(t.Context(), []record.Open{{ID: "k", State: record.Uncertain}}); err != nil {
			t.Fatal(err)
		}
		s.wantHeld(t, "k")
	})
}
