package record_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

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
	ends   []record.Ending  // that were sent
	log    []string
}

func TestAnyInterleaving(t *testing.T) {
	t.Parallel()
	const histories, steps = 40, 40
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	onEachServer(t, func(t *testing.T, s server) {
		for n := range uint64(histories) {
			random := rand.New(rand.NewPCG(seed, n))
			h := history{
				server: s, T: t, id: fmt.Sprint("task-", n), random: random, fences: map[string]int64{},
				model: model{surplus: map[int]string{}, repeatable: n%2 == 0, maxAttempts: 6, mostCrashing: 3},
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
	switch h.random.IntN(8) {
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
	got := h.begin(h.T, h.id, run, func(r *record.Run) { r.Repeatable = h.model.repeatable })
	verdict, fence := h.model.begin(run)
	h.notef("begin %s: %s %d", run, got.Verdict, got.Fence)
	if got.Verdict != verdict {
		h.Errorf("begin: %s, want %s", got.Verdict, verdict)
	}
	if got.Verdict != record.Go {
		return
	}
	if h.base == 0 {
		h.base = got.Fence - 1
	}
	if got.Fence != h.base+int64(fence) || got.Attempt != h.model.attempts || got.Call != h.model.calls {
		h.Errorf("begin: %+v, want fence %d, attempt %d, call %d", got, h.base+int64(fence), h.model.attempts, h.model.calls)
	}
	h.fences[run] = got.Fence
}

// end lets any run that was ever let in tell what came of its call, or tell it again.
func (h *history) end() {
	var e record.Ending
	runs := h.runs()
	switch {
	case len(h.ends) > 0 && h.random.IntN(4) == 0:
		e = h.ends[h.random.IntN(len(h.ends))]
	case len(runs) > 0:
		fence := h.fences[runs[h.random.IntN(len(runs))]]
		e = bound(h.id, fence, fmt.Sprint("subs-", fence))
		switch h.random.IntN(6) {
		case 0, 1, 2:
			e = waiting(h.id, fence)
			e.Counts, e.Sent = h.random.IntN(2) == 0, h.random.IntN(2) == 0
		case 3:
			e = rejected(h.id, fence)
		case 4:
			e = record.Ending{ID: h.id, Fence: fence, State: record.Uncertain, Counts: true, Sent: true}
		}
		h.ends = append(h.ends, e)
	default:
		return
	}
	got, want := h.finish(h.T, e), h.model.finish(int(e.Fence-h.base), e)
	h.notef("finish %d as %s: %s", e.Fence, e.State, got)
	if got != want {
		h.Errorf("finish %d as %s: %s, want %s", e.Fence, e.State, got, want)
	}
}

func (h *history) lapse() {
	if h.model.state != record.Calling {
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
	if run := h.field(h.T, h.id, "run"); r.State == record.Calling && h.fences[run] != h.base+int64(m.fence) {
		h.Errorf("%s calls with fence %d, the newest is %d", run, h.fences[run], h.base+int64(m.fence))
	}
	for _, e := range h.ends {
		kept := string(r.Result) == string(e.Result) || h.field(h.T, h.id, fmt.Sprint("surplus:", e.Fence)) == string(e.Result)
		if e.State == record.Succeeded && !kept {
			h.Errorf("the success of fence %d is lost", e.Fence)
		}
	}
}

func (h *history) notef(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
}
