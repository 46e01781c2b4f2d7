package record_test

import (
	"fmt"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// Whether the call that was cut took effect is looked for before another is made. Looks that were
// cut are looked again.
func TestLapsedClaimOfABindIsLookedFor(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		first := s.call(t, "k", "crashed", brief)
		const looks = 12 // four times as many as calls may be cut
		for i := range looks {
			got := s.lapsed(t, "k", fmt.Sprint("look-", i), brief)
			if got.Verdict != record.Look || got.Looks != 0 || got.Refusal != "" || !got.MayHaveRun || !got.FirstCall.Equal(first.FirstCall) {
				t.Fatalf("look %d: %+v", i, got)
			}
			if got.Fence != first.Fence+int64(i)+1 || got.Attempt != 1 || got.Call != 1 || got.Uncounted != 0 {
				t.Errorf("look %d changed the counts: %+v, the call had %+v", i, got, first)
			}
		}
		got := s.lapsed(t, "k", "c")
		if got.Verdict != record.Settled || got.State != record.Uncertain {
			t.Fatalf("after twelve looks that were cut: %+v, want settled as uncertain", got)
		}
		r := s.read(t, "k")
		if r.State != record.Uncertain || r.Code != "dyplsq.NoAnswer" || r.Class != "Uncertain" || r.FinishedAt.IsZero() {
			t.Errorf("record: %+v", r)
		}
		if len(r.Request) == 0 {
			t.Error("the request is gone: nobody could settle it")
		}
		if ttl := s.client.PTTL(t.Context(), record.Key("k")).Val(); ttl != -1 {
			t.Errorf("it would be forgotten in %s", ttl)
		}
	})
}

// Workers that end now and then do not add up: only runs in a row that bring no news tell a task
// that kills its workers.
func TestCrashesInARow(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		s.call(t, "k", "crashed", brief)
		for i := range 4 {
			s.lapsed(t, "k", fmt.Sprint("crashed-", i), brief)
			look := s.lapsed(t, "k", fmt.Sprint("look-", i), brief)
			if look.Verdict != record.Look {
				t.Fatalf("after crash %d: %+v", i, look)
			}
			s.finish(t, doubtful("k", look.Fence, record.DoubtKept))
			s.look(t, "k", fmt.Sprint("to-be-cut-", i), brief)
		}
	})
}

func TestLapsedClaimOfALookUpIsMadeAgain(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		fence := int64(0)
		for i := range 3 {
			begun := s.lapsed(t, "k", "crash-"+string(rune('a'+i)), brief, repeatable)
			if begun.Verdict != record.Go || begun.Fence <= fence || begun.Attempt != i+1 || begun.Call != i+1 {
				t.Fatalf("run %d: %+v", i, begun)
			}
			fence = begun.Fence
		}
		got := s.lapsed(t, "k", "last", repeatable)
		if got.Verdict != record.Settled || got.State != record.Failed {
			t.Fatalf("after three crashes: %+v, want settled as failed", got)
		}
		if r := s.read(t, "k"); r.Code != "dyplsq.NoAnswer" || r.Calls != 3 {
			t.Errorf("record: %+v", r)
		}
	})
}

// A call that was cut counts like any other.
func TestCrashesUseUpAttempts(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		once := func(r *record.Run) { r.MaxAttempts = 1 }
		s.call(t, "k", "crash", brief, repeatable, once)
		got := s.lapsed(t, "k", "next", repeatable, once)
		if got.Verdict != record.Settled || got.State != record.Failed {
			t.Fatalf("the only attempt was cut: %+v", got)
		}

		// a look does not: it is looked again
		s.create(t, "looking")
		s.finish(t, doubtful("looking", s.call(t, "looking", "refused", repeatable, once).Fence, record.DoubtRefusal))
		s.look(t, "looking", "cut", brief, repeatable, once)
		if got = s.lapsed(t, "looking", "next", repeatable, once); got.Verdict != record.Look || got.Refusal == "" {
			t.Fatalf("a look was cut: %+v", got)
		}
	})
}

// The worker asks until there is a reply; no call leaves before, so the same run may claim anew
// what it never used.
func TestLostReplyOutlivesTheClaim(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		first := s.call(t, "k", "run", func(r *record.Run) { r.Lease = 0 }) // lapsed at once
		again := s.call(t, "k", "run")
		if again.Fence != first.Fence || again.Call != 1 {
			t.Errorf("again: %+v, first: %+v", again, first)
		}
		if other := s.begin(t, "k", "other"); other.Verdict != record.Busy {
			t.Errorf("the claim was not renewed: %+v", other)
		}
	})
}
