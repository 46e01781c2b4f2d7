package record_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func (s server) handBack(t *testing.T, id string, fence int64, want record.FinishVerdict) {
	t.Helper()
	if got, err := s.store.HandBack(t.Context(), id, fence, record.Hold{}); err != nil || got != want {
		t.Fatalf("hand back %s: %s, %v, want %s", id, got, err, want)
	}
}

// A run that is handed back leaves no trace, whatever came before it and however often it is said.
func TestHandBack(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		s.handBack(t, "none", 1, record.Gone)
		unsent := s.call(t, "k", "a")
		s.handBack(t, "k", unsent.Fence, record.Done)
		s.handBack(t, "k", unsent.Fence, record.Again)
		if noted := s.field(t, "k", "noted_at"); noted != "" {
			t.Errorf("a call is noted at %s", noted)
		}
		first := s.call(t, "k", "b")
		want := record.Begun{Verdict: record.Go, Attempt: 1, Call: 1, Request: []byte(`{"PoolKey":"FC1"}`)}
		if diff := cmp.Diff(want, first, cmpopts.IgnoreFields(record.Begun{}, "Fence", "FirstCall", "Since")); diff != "" {
			t.Errorf("the first call (-want +got):\n%s", diff)
		}
		s.finish(t, waiting("k", first.Fence))
		s.handBack(t, "k", s.call(t, "k", "c").Fence, record.Done)
		s.handBack(t, "k", first.Fence, record.Stale)
		second := s.call(t, "k", "d")
		want.Attempt, want.Call, want.FirstCall, want.Since = 2, 2, first.FirstCall, first.Since
		if diff := cmp.Diff(want, second, cmpopts.IgnoreFields(record.Begun{}, "Fence")); diff != "" {
			t.Errorf("the second call (-want +got):\n%s", diff)
		}
		s.finish(t, bound("k", second.Fence, "1"))
		s.handBack(t, "k", second.Fence, record.Stale)
		if steps := s.detail(t, "k").History; len(steps) != 2 {
			t.Errorf("%d steps, want 2: %+v", len(steps), steps)
		}
	})
}

// What is in doubt stays so.
func TestHandBackOfALook(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		s.finish(t, doubtful("k", s.call(t, "k", "lost").Fence, record.DoubtCall))
		before := s.look(t, "k", "a")
		s.handBack(t, "k", before.Fence, record.Done)
		if diff := cmp.Diff(before, s.look(t, "k", "b"), cmpopts.IgnoreFields(record.Begun{}, "Fence")); diff != "" {
			t.Errorf("the next look (-before +after):\n%s", diff)
		}
	})
}
