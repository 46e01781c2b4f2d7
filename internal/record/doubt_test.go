package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// doubtful is the ending of a run after which something is in doubt, or is so no longer.
func doubtful(id string, fence int64, doubt record.Doubt) record.Ending {
	e := record.Ending{ID: id, Fence: fence, State: record.Waiting, Code: "dyplsq.NoAnswer", Class: "Uncertain", Counts: true, Sent: true, Doubt: doubt}
	switch doubt {
	case record.DoubtCall:
		e.MayHaveRun = true
	case record.DoubtRefusal:
		e.Code, e.Class = "isv.BIND_CONFLICT", "Rejected"
	default:
	}
	return e
}

// mayHaveRun is the ending of a call that was answered, and may have taken effect all the same.
func mayHaveRun(id string, fence int64) record.Ending {
	e := waiting(id, fence)
	e.MayHaveRun = true
	return e
}

func lookAfter(d time.Duration) func(*record.Run) {
	return func(r *record.Run) { r.LookAfter = d }
}

// No call starts while one is in doubt; what the looks bring is kept from one run to the next, and
// counts nothing.
func TestDoubt(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		first := s.call(t, "k", "lost")
		s.finish(t, doubtful("k", first.Fence, record.DoubtCall))
		want := record.Begun{
			Verdict: record.Look, Attempt: 1, Call: 1, MayHaveRun: true, FirstCall: first.FirstCall, Since: first.Since, Request: []byte(`{"PoolKey":"FC1"}`),
		}
		for i, doubt := range []record.Doubt{record.DoubtAbsent, record.DoubtKept, record.DoubtAbsent, record.DoubtCleared} {
			run := string(doubt) + string(rune('0'+i))
			got := s.look(t, "k", run)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(record.Begun{}, "Fence")); diff != "" {
				t.Errorf("look %d (-want +got):\n%s", i, diff)
			}
			if diff := cmp.Diff(got, s.begin(t, "k", run)); diff != "" {
				t.Errorf("look %d, asked again because the reply was lost (-first +again):\n%s", i, diff)
			}
			if busy := s.begin(t, "k", "another"); busy.Verdict != record.Busy || busy.Busy <= 0 {
				t.Errorf("look %d, another run: %+v, want busy", i, busy)
			}
			for n, verdict := range []record.FinishVerdict{record.Done, record.Again} {
				if got := s.finish(t, doubtful("k", got.Fence, doubt)); got != verdict {
					t.Errorf("look %d, finish %d: %s, want %s", i, n, got, verdict)
				}
			}
			if echo := s.begin(t, "k", run); echo.Verdict != record.Finished {
				t.Errorf("look %d, an echo of it: %+v", i, echo)
			}
			if doubt == record.DoubtAbsent {
				want.Looks++
			}
		}
		second := s.call(t, "k", "second")
		want.Verdict, want.Attempt, want.Call, want.Looks = record.Go, 2, 2, 0
		if diff := cmp.Diff(want, second, cmpopts.IgnoreFields(record.Begun{}, "Fence")); diff != "" {
			t.Errorf("the call after the doubt was cleared (-want +got):\n%s", diff)
		}
	})
}

// A look that comes too early tells nothing: the call may be under way, the API may lag behind
// itself.
func TestLooksKeepTheirDistance(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		early := func(id, when string) {
			t.Helper()
			before := s.hash(t, id)
			got := s.begin(t, id, "early "+when, lookAfter(time.Minute))
			if got.Verdict != record.Busy || got.Busy > time.Minute || got.Busy < 50*time.Second {
				t.Errorf("%s %s: %+v, want busy for a minute", id, when, got)
			}
			if diff := cmp.Diff(before, s.hash(t, id)); diff != "" && when != "crashed" {
				t.Errorf("%s %s: the record changed:\n%s", id, when, diff)
			}
		}
		s.create(t, "lost")
		s.finish(t, doubtful("lost", s.call(t, "lost", "lost").Fence, record.DoubtCall))
		early("lost", "after the call")
		s.finish(t, doubtful("lost", s.look(t, "lost", "look").Fence, record.DoubtAbsent))
		early("lost", "after a look") // a second delivery of the same task

		s.create(t, "crashed")
		s.call(t, "crashed", "crashed", func(r *record.Run) { r.Lease = 0 })
		early("crashed", "crashed")
		early("crashed", "again")
		if r := s.read(t, "crashed"); r.State != record.Waiting || r.Calls != 1 {
			t.Errorf("crashed: %+v", r)
		}
		if n := s.field(t, "crashed", "crashes"); n != "1" {
			t.Errorf("%s crashes, want 1", n)
		}

		s.create(t, "refused") // an answered refusal leaves nothing under way
		s.finish(t, doubtful("refused", s.call(t, "refused", "call").Fence, record.DoubtRefusal))
		s.finish(t, doubtful("refused", s.look(t, "refused", "look", lookAfter(time.Minute)).Fence, record.DoubtAbsent))
		early("refused", "after a look")
	})
}
