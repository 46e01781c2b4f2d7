package record_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// A second binding costs money until somebody unbinds it: it is noted beside the first, by SubsId,
// whatever the fence.
func TestSurplusIsNotedBesideTheFirst(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		old := s.call(t, "k", "old", brief, repeatable)
		current := s.lapsed(t, "k", "current", repeatable)
		for _, step := range []struct {
			ending record.Ending
			want   record.FinishVerdict
		}{
			{bound("k", current.Fence, "1000"), record.Done},
			{bound("k", old.Fence, "1000"), record.Again}, // two runs saw the same binding
			{bound("k", old.Fence, "2000"), record.Surplus},
			{bound("k", old.Fence, "2000"), record.Surplus}, // its reply was lost
			{bound("k", current.Fence, "1000"), record.Again},
			{rejected("k", old.Fence), record.Stale},
		} {
			if verdict := s.finish(t, step.ending); verdict != step.want {
				t.Errorf("%s of fence %d: %s, want %s", step.ending.Result, step.ending.Fence, verdict, step.want)
			}
		}
		if got := string(s.read(t, "k").Result); got != `{"SubsId":"1000"}` {
			t.Errorf("the outcome changed: %s", got)
		}
		if got := s.field(t, "k", "surplus:2000"); got != "undo 2000" {
			t.Errorf("surplus: %q", got)
		}
	})
}

// The owner was told that it failed; what was bound after all is noted, and the outcome stands.
func TestFailedNeverChanges(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		old := s.call(t, "k", "old", brief, repeatable)
		current := s.lapsed(t, "k", "current", repeatable)
		s.finish(t, rejected("k", current.Fence))
		if verdict := s.finish(t, bound("k", old.Fence, "1000")); verdict != record.Surplus {
			t.Errorf("a binding: %s, want surplus", verdict)
		}
		if verdict := s.finish(t, bound("k", old.Fence, "")); verdict != record.Stale {
			t.Errorf("a success that leaves nothing behind: %s, want stale", verdict)
		}
		if r := s.read(t, "k"); r.State != record.Failed || r.Code != "isv.ILLEGAL_ARGUMENT" || len(r.Result) != 0 {
			t.Errorf("record: %+v", r)
		}
		if got := s.field(t, "k", "surplus:1000"); got != "undo 1000" {
			t.Errorf("surplus: %q", got)
		}
	})
}

// The answer of a stalled run turns up when another has found the very binding that it made: there
// is no other to remove.
func TestFoundBindingIsNoSurplus(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		stalled := s.call(t, "k", "stalled", brief)
		look := s.lapsed(t, "k", "look")
		found := bound("k", look.Fence, "1000")
		found.RequestID, found.Message = "", "an earlier call took effect" // less than the answer tells
		s.finish(t, found)
		before := s.hash(t, "k")
		for range 2 {
			if verdict := s.finish(t, bound("k", stalled.Fence, "1000")); verdict != record.Again {
				t.Errorf("the late answer: %s, want again", verdict)
			}
		}
		if diff := cmp.Diff(before, s.hash(t, "k")); diff != "" {
			t.Errorf("the late answer changed the record:\n%s", diff)
		}
	})
}

// A look that found a binding, and comes late with it, does not make that the outcome which is
// being removed as a surplus.
func TestSurplusIsFoundLate(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		call := s.call(t, "k", "run-1", brief)
		look := s.lapsed(t, "k", "run-2")
		s.finish(t, rejected("k", look.Fence))
		if verdict := s.finish(t, bound("k", call.Fence, "1000")); verdict != record.Surplus {
			t.Errorf("a late answer: %s", verdict)
		}
		s.reopen(t, "k", record.Queued)
		if verdict := s.finish(t, bound("k", look.Fence, "1000")); verdict != record.Surplus || s.read(t, "k").State != record.Queued {
			t.Errorf("a late look: %s, %+v", verdict, s.read(t, "k"))
		}
	})
}

// TestSurplusThatTurnedUpIsNotedOnce: somebody proved that a settled task made another binding. It
// is noted where the task still holds the one that it was compared with, and for whom to undo it.
func TestSurplusThatTurnedUpIsNotedOnce(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		note := func(id, held, surplus, undo string, want bool) {
			t.Helper()
			noted, err := s.store.NoteSurplus(t.Context(), held, record.SurplusBinding{ID: id, SubsID: surplus, Undo: []byte(undo)})
			if err != nil || noted != want {
				t.Errorf("%s beside %s: %t, %v", surplus, held, noted, err)
			}
		}
		note("nobody", "1000", "2000", "undo", false)
		s.create(t, "k")
		note("k", "", "2000", "undo", false) // it has no outcome
		s.finish(t, bound("k", s.call(t, "k", "run").Fence, "1000"))
		before := s.hash(t, "k")
		note("k", "3000", "2000", "undo", false)
		note("k", "1000", "1000", "undo", false)
		if diff := cmp.Diff(before, s.hash(t, "k")); diff != "" {
			t.Errorf("the record changed:\n%s", diff)
		}
		note("k", "1000", "2000", "undo 2000", true)
		note("k", "1000", "2000", "another", true)
		found, err := s.store.Surpluses(t.Context(), "k", "nobody")
		if diff := cmp.Diff([]record.SurplusBinding{{ID: "k", SubsID: "2000", Undo: []byte("undo 2000")}}, found); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if d := s.detail(t, "k"); len(d.Surpluses) != 1 || d.Surpluses[0] != "2000" || d.SubsID != "1000" || d.FirstCall.IsZero() {
			t.Errorf("%+v", d)
		}
	})
}
