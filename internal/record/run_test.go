package record_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func (h *history) beginAs(run string) {
	before := h.model
	got := h.begin(h.T, h.id, run, func(r *record.Run) { r.Repeatable = h.model.repeatable })
	verdict, fence := h.model.begin(run)
	h.notef("begin %s: %s %d", run, got.Verdict, got.Fence)
	if got.Verdict != verdict {
		h.Errorf("begin: %s, want %s", got.Verdict, verdict)
	}
	if got.Verdict != record.Go && got.Verdict != record.Look {
		return
	}
	if h.base == 0 {
		h.base = got.Fence - 1
	}
	got.Request, got.FirstCall, got.Since = nil, time.Time{}, time.Time{}
	m := h.model
	want := record.Begun{
		Verdict: verdict, Fence: h.base + int64(fence), Attempt: m.attempts, Call: m.calls, Uncounted: got.Uncounted,
		MayHaveRun: m.mayHaveRun, Suspect: m.suspect, Looks: m.looks, Refusal: m.refusal,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		h.Errorf("begin (-want +got):\n%s", diff)
	}
	h.fences[run] = got.Fence
	switch again := slices.Contains(h.calls, got.Fence); {
	case got.Verdict == record.Look && (got.Attempt != before.attempts || got.Call != before.calls):
		h.Errorf("a look made %d attempts %d, %d calls %d", before.attempts, got.Attempt, before.calls, got.Call)
	case got.Verdict == record.Go && !again:
		if h.open && !m.repeatable {
			h.Error("a call is let go while another is in doubt")
		}
		h.calls, h.open = append(h.calls, got.Fence), true
	}
}

// end lets any run that was ever let in tell what came of its call or its look, or tell it again.
func (h *history) end() {
	var e record.Ending
	runs := h.runs()
	switch {
	case len(h.ends) > 0 && h.random.IntN(4) == 0:
		e = h.ends[h.random.IntN(len(h.ends))]
	case len(runs) > 0:
		e = h.ending(h.fences[runs[h.random.IntN(len(runs))]])
		h.ends = append(h.ends, e)
	default:
		return
	}
	got, want := h.finish(h.T, e), h.model.finish(int(e.Fence-h.base), e)
	h.notef("finish %d as %s, doubt %q: %s", e.Fence, e.State, e.Doubt, got)
	if got != want {
		h.Errorf("finish %d as %s: %s, want %s", e.Fence, e.State, got, want)
	}
	if got == record.Done && e.Doubt != record.DoubtCall && e.Doubt != record.DoubtRefusal && e.Doubt != record.DoubtAbsent && e.Doubt != record.DoubtKept {
		h.open = false
	}
}

// ending is what a run may tell: of its call, or of its look, which finds what the call before it
// made.
func (h *history) ending(fence int64) record.Ending {
	i, called := slices.BinarySearch(h.calls, fence)
	doubts := []record.Doubt{record.DoubtCall, record.DoubtRefusal, record.NoDoubt, record.NoDoubt}
	made := fence
	if !called {
		doubts, made = []record.Doubt{record.DoubtAbsent, record.DoubtKept, record.DoubtCleared}, h.calls[i-1]
	}
	switch h.random.IntN(6) {
	case 0, 1, 2:
		e := doubtful(h.id, fence, doubts[h.random.IntN(len(doubts))])
		e.Counts, e.Sent, e.Suspect = h.random.IntN(2) == 0, h.random.IntN(2) == 0, h.random.IntN(9) == 0
		return e
	case 3:
		return rejected(h.id, fence)
	case 4:
		return record.Ending{ID: h.id, Fence: fence, State: record.Uncertain, Counts: true, Sent: true, MayHaveRun: true}
	}
	return bound(h.id, fence, fmt.Sprint("subs-", made))
}
