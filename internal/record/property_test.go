package record_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// A history is one task that several runs perform in any order, with replies lost, claims lapsed
// and echoes of the past. After each step the record must stand as the model says, and what must
// never happen must not have happened.
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
	switch h.random.IntN(10) {
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
	case 9:
		if before == record.Failed {
			h.reopen()
			before = record.Queued
		}
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
	created, err := h.store.Create(h.Context(), []*record.New{{ID: h.id, Action: "BindAxn", Request: []byte(`{}`), Fingerprint: fingerprint}})
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

// reopen lets a failed task run again, as a person may.
func (h *history) reopen() {
	found, err := h.store.Reopen(h.Context(), h.id, "somebody")
	h.notef("reopen: %s", found)
	if err != nil || found != record.Queued {
		h.Errorf("reopen: %s, %v", found, err)
	}
	h.model.reopen()
	h.open = false
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
	if diff := cmp.Diff(m.steps, h.steps()); diff != "" {
		h.Errorf("history (-want +got):\n%s", diff)
	}
	// at most one run is let in at a time: the one with the newest fence
	fields := h.hash(h.T, h.id)
	if m.out() && h.fences[fields["run"]] != h.base+int64(m.fence) {
		h.Errorf("%s is let in with fence %d, the newest is %d", fields["run"], h.fences[fields["run"]], h.base+int64(m.fence))
	}
	for _, e := range h.ends {
		_, surplus := fields["surplus:"+e.SubsID]
		switch {
		case e.State != record.Succeeded:
		case (fields["subs_id"] == e.SubsID) == surplus: // neither, or both
			h.Errorf("the success of fence %d, %s: the outcome is %q; a surplus: %t", e.Fence, e.SubsID, fields["subs_id"], surplus)
		}
	}
}

func (h *history) steps() (kinds []record.StepKind) {
	for _, step := range h.detail(h.T, h.id).History {
		kinds = append(kinds, step.Kind)
	}
	return kinds
}

func (h *history) notef(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
}
