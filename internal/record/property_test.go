package record_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// A history is one task that several runs perform in any order, with replies lost, claims lapsed and echoes of the past.
// After each step the record must stand as the model says, and what must never happen must not have happened.
type history struct {
	server
	*testing.T
	id     string
	random *rand.Rand
	model  model
	base   int64            // the fence before the first
	fences map[string]int64 // that each run was told
	calls  []int64          // the fences of those that were let call
	open   bool             // a call may have taken effect, and nobody has found out
	ends   []record.Ending  // that were sent
	log    []string
}

func TestAnyInterleaving(t *testing.T) {
	t.Parallel()
	const histories, steps = 60, 50
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	onEachServer(t, func(t *testing.T, s server) {
		for n := range uint64(histories) {
			random := rand.New(rand.NewPCG(seed, n))
			h := history{
				server: s, T: t, id: fmt.Sprint("task-", n), random: random, fences: map[string]int64{},
				model: model{repeatable: n%3 == 0, maxAttempts: 6, mostCrashing: 3},
			}
			for range steps {
				h.step()
			}
			if t.Failed() {
				t.Fatalf("seed %d, history %d:\n%s", seed, n, cmp.Diff([]string(nil), h.log))
			}
		}
	})
}

func (h *history) step() {
	before := h.read(h.T, h.id).State
	switch h.random.IntN(9) {
	case 0:
		h.enqueue()
	case 1, 2:
		h.beginAs(fmt.Sprint("run-", len(h.fences))) // a new delivery
	case 3:
		if runs := h.runs(); len(runs) > 0 { // its reply was lost, or an old try of it comes through
			h.beginAs(runs[h.random.IntN(len(runs))])
		}
	case 4, 5, 6:
		h.end()
	case 7:
		h.lapse()
	case 8:
		h.again()
	}
	h.compare(before)
}

func (h *history) runs() []string {
	runs := make([]string, 0, len(h.fences))
	for run := range h.fences {
		runs = append(runs, run)
	}
	slices.Sort(runs)
	return runs
}

func (h *history) enqueue() {
	created, err := h.store.Create(h.Context(), []record.New{{ID: h.id, Action: "BindAxn", Request: []byte(`{}`), Fingerprint: fingerprint}})
	if err != nil {
		h.Fatal(err)
	}
	want := record.Same
	if h.model.state == "" {
		want, h.model.state = record.IsNew, record.Queued
	}
	h.notef("enqueue: %s", created[0].Verdict)
	if created[0].Verdict != want {
		h.Errorf("enqueue: %s, want %s", created[0].Verdict, want)
	}
}

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
	got.Request, got.FirstCall = nil, time.Time{}
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

// ending is what a run may tell: of its call, or of its look, which finds what the call before it made.
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

// again lets an uncertain task run again, as a person may.
func (h *history) again() {
	found, _, err := h.store.Resolve(h.Context(), record.Resolution{ID: h.id, State: record.Queued, By: "somebody", Keep: keep})
	want := h.model.again()
	h.notef("resolve: %s", found)
	if err != nil || found != want {
		h.Errorf("resolve: %s, %v, want %s", found, err, want)
	}
	if found == record.Uncertain {
		h.open = false
	}
}

func (h *history) lapse() {
	if !h.model.out() {
		return
	}
	h.notef("lapse")
	h.model.lapsed = true
	h.client.HSet(h.Context(), record.Key(h.id), "claim_until", 1)
}

func (h *history) compare(before record.State) {
	r, m := h.read(h.T, h.id), h.model
	if r.State != m.state || r.Attempts != m.attempts || r.Calls != m.calls {
		h.Errorf("record is %s, %d attempts, %d calls; want %s, %d, %d", r.State, r.Attempts, r.Calls, m.state, m.attempts, m.calls)
	}
	if (before == record.Succeeded || before == record.Failed) && r.State != before {
		h.Errorf("%s became %s", before, r.State)
	}
	// at most one run is let in at a time: the one with the newest fence
	fields := h.hash(h.T, h.id)
	if m.out() && h.fences[fields["run"]] != h.base+int64(m.fence) {
		h.Errorf("%s is let in with fence %d, the newest is %d", fields["run"], h.fences[fields["run"]], h.base+int64(m.fence))
	}
	for _, e := range h.ends {
		surplus := fields[fmt.Sprint("surplus:", e.Fence)] == string(e.Surplus)
		switch {
		case e.State != record.Succeeded:
		case (fields["subs_id"] == e.SubsID) == surplus: // neither, or both
			h.Errorf("the success of fence %d, %s: the outcome is %q; a surplus: %t", e.Fence, e.SubsID, fields["subs_id"], surplus)
		}
	}
}

func (h *history) notef(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
}
