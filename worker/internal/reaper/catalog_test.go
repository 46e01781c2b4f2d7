package reaper

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// TestSweepPrunesTheCatalog: what is gone leaves the catalog within some sweeps, thousands at once;
// what is kept, and what is young, does not.
func TestSweepPrunesTheCatalog(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	const many = 3000
	ids := make([]string, many)
	for n := range ids {
		ids[n] = fmt.Sprint("k", n)
	}
	h.create(t, ids...)
	for n, id := range ids {
		if n > 0 {
			h.client.Del(t.Context(), record.Key(id))
		}
	}
	listed := func() (n int64) {
		for _, key := range h.client.Keys(t.Context(), "dypls:tasks:*").Val() {
			n += h.client.ZCard(t.Context(), key).Val()
		}
		return n
	}
	h.sweepsDue(t)
	if n := listed(); n != many {
		t.Errorf("%d entries, want %d: none is older than records are kept", n, many)
	}
	h.Keep = func() time.Duration { return 0 }
	for sweeps := 0; sweeps < pruneEvery || listed() > 1 && sweeps < 5*pruneEvery; sweeps++ { // one prunes no longer than a moment
		h.sweepsDue(t)
	}
	if n := listed(); n != 1 {
		t.Errorf("%d entries are left, want 1", n)
	}
}

// TestSweepTellsTheCatalog: a failure of which its worker told nobody is found by its code once the
// reaper has swept.
func TestSweepTellsTheCatalog(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.create(t, "k")
	_, silent := record.NewTeller(h.Records)
	begun := h.begin(t, "k", time.Minute)
	e := record.Ending{ID: "k", Fence: begun.Fence, State: record.Failed, Code: "isv.X", Keep: time.Hour}
	if _, err := silent.Finish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	find := func() int {
		found, _, err := h.Records.List(t.Context(), record.Selection{States: []record.State{record.Failed}, Code: "isv.X", Most: 10})
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	if n := find(); n != 0 {
		t.Errorf("%d are found, though nobody was told", n)
	}
	h.sweeps(t)
	if n := find(); n != 1 {
		t.Errorf("%d are found, want 1", n)
	}
}
