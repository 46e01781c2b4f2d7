package record_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func TestLapsedClaimOfABindIsUncertain(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		s.call(t, "k", "crashed", brief)
		got := s.lapsed(t, "k", "next")
		if got.Verdict != record.Settled || got.State != record.Uncertain {
			t.Fatalf("next run: %+v, want settled as uncertain", got)
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
	})
}

// The worker asks until there is a reply; no call leaves before, so the same run may claim anew what it never used.
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

func TestPastDeadlineNoCallStarts(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		past := func(n *record.New) { n.Deadline = time.Now().Add(-time.Millisecond) }
		s.create(t, "new", past)
		s.create(t, "waiting")
		begun := s.call(t, "waiting", "run-1")
		s.finish(t, record.Ending{ID: "waiting", Fence: begun.Fence, State: record.Waiting, Code: "isp.SYSTEM_ERROR", Counts: true, Sent: true})
		s.client.HSet(t.Context(), record.Key("waiting"), "deadline", 1)
		s.create(t, "lost-reply")
		s.call(t, "lost-reply", "run")
		s.client.HSet(t.Context(), record.Key("lost-reply"), "deadline", 1)
		s.create(t, "crashed", past)
		s.client.HSet(t.Context(), record.Key("crashed"), "state", "calling", "run", "crashed", "claim_until", 1, "attempts", 1)

		for id, want := range map[string]struct {
			state       record.State
			code, words string
			calls       int
		}{
			"new":     {record.Failed, "dyplsq.Expired", "before a call could start", 0},
			"waiting": {record.Failed, "dyplsq.Expired", "isp.SYSTEM_ERROR", 1}, // what kept it from succeeding is told
			// granted in time, but the reply came too late to be of use: nothing was sent, and nothing counts
			"lost-reply": {record.Failed, "dyplsq.Expired", "before a call could start", 0},
			// what a crashed bind did matters more than that its time is over
			"crashed": {record.Uncertain, "dyplsq.NoAnswer", "ended", 0},
		} {
			got := s.begin(t, id, "run")
			r := s.read(t, id)
			if got.Verdict != record.Settled || got.State != want.state || r.Code != want.code || !strings.Contains(r.Message, want.words) || r.Calls != want.calls {
				t.Errorf("%s: %+v, %+v", id, got, r)
			}
			if ttl := s.client.PTTL(t.Context(), record.Key(id)).Val(); want.state == record.Failed && (ttl <= 0 || ttl > keep) {
				t.Errorf("%s is kept for %s, want %s", id, ttl, keep)
			}
		}
	})
}
