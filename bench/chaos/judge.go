package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/bench/handrolled"
)

// counts are how many binds ended in which way.
type counts struct {
	asked       int // tasks
	lost        int // answers lost after the bind was made
	made        int // bindings
	surplus     int // bindings beyond the first of their task
	boundFailed int // tasks that have a binding, and whose caller was told that it failed
	failed      int // tasks that have none, and whose caller was told so
	noResult    int // tasks whose caller was told nothing
	wrong       int // tasks whose caller was told of a binding that is not theirs
}

// tally is the counts of the binds that name their X, of those that leave it to the platform, and
// of all.
type tally struct{ named, chosen, all counts }

// judge compares what callers were told with the ledger. It goes by the task id, which every call
// carries as OutId.
func judge(results []told, ledger []dyplstest.Entry) tally {
	made, lost := map[string][]string{}, map[string]int{}
	for _, e := range ledger {
		if id := e.Parameters["OutId"]; e.Performed && e.Action == "BindAxn" {
			made[id] = append(made[id], e.SubsID)
			if e.Code == "" {
				lost[id]++
			}
		}
	}
	var t tally
	for i, result := range results {
		id, part := taskID(i), &t.chosen
		if bind(i).PhoneNoX != "" {
			part = &t.named
		}
		part.add(result, made[id], lost[id])
		t.all.add(result, made[id], lost[id])
	}
	return t
}

// under returns how long it took until nine in ten of the tasks that were called for had their
// first call.
func under(ledger []dyplstest.Entry, started time.Time) time.Duration {
	seen := map[string]bool{}
	var first []time.Time // in the order of arrival, as the ledger is
	for _, e := range ledger {
		if id := e.Parameters["OutId"]; !seen[id] {
			seen[id] = true
			first = append(first, e.ReceivedAt)
		}
	}
	if len(first) == 0 {
		return 0
	}
	return first[(len(first)-1)*9/10].Sub(started)
}

func (c *counts) add(result told, made []string, lost int) {
	c.asked++
	c.lost += lost
	c.made += len(made)
	c.surplus += max(len(made)-1, 0)
	switch failed := errors.Is(result.err, handrolled.ErrFailed); {
	case failed && len(made) > 0:
		c.boundFailed++
	case failed:
		c.failed++
	case result.err != nil:
		c.noResult++
	case !slices.Contains(made, result.binding.SubsID):
		c.wrong++
	}
}

// write writes a table as docs take it. Its last line says it all.
func (t tally) write(w io.Writer) {
	_, _ = fmt.Fprint(w, "| hand-rolled worker | binds asked | answers lost | bindings made | surplus bindings "+
		"| bound, but told failed | told failed, not bound | told another's binding | without a result |\n|---|---|---|---|---|---|---|---|---|\n")
	t.named.write(w, "X named")
	t.chosen.write(w, "X chosen by the platform")
	t.all.write(w, "all")
}

func (c counts) write(w io.Writer, name string) {
	_, _ = fmt.Fprintf(w, "| %s | %d | %d | %d | %d | %d | %d | %d | %d |\n",
		name, c.asked, c.lost, c.made, c.surplus, c.boundFailed, c.failed, c.wrong, c.noResult)
}
