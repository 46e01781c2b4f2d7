package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// judge compares what was acknowledged and told with the records and with the simulator's ledger: every acknowledged task has the one
// outcome that the ledger tells, whoever heard of it heard the same, and nothing was bound twice.
func (l *load) judge(t *testing.T, outcomes []tasks.Outcome) {
	t.Helper()
	performed, lostAnswers := map[string][]dyplstest.Entry{}, 0
	for _, e := range l.simulator.Ledger() {
		switch {
		case e.Action == "UnbindSubscription":
			t.Errorf("a binding of %s was removed", e.Parameters["SubsId"])
		case e.Action == "BindAxn" && e.Performed:
			performed[e.Parameters["OutId"]] = append(performed[e.Parameters["OutId"]], e)
			if e.Code == "" {
				lostAnswers++
			}
		}
	}
	surplus, uncertain, wrong, owned := 0, 0, 0, 0
	for _, o := range outcomes {
		if n, _ := strconv.Atoi(strings.TrimPrefix(o.ID, jobPrefix)); poolOf(n) == ownPool {
			owned++
		}
		done := performed[o.ID]
		delete(performed, o.ID)
		surplus += max(len(done)-1, 0)
		switch {
		case o.State == tasks.StateUncertain:
			uncertain++
			t.Errorf("%s is uncertain: %s", o.ID, o.Message)
		case o.State != tasks.StateSucceeded || len(done) == 0 || !strings.Contains(string(o.Result), strconv.Quote(done[0].SubsID)):
			wrong++
			t.Errorf("%s is %s %s: %s; bound %d times", o.ID, o.State, o.Code, o.Message, len(done))
		}
		if heard := l.told[o.ID]; !sameOutcome(heard, o) {
			t.Errorf("%s was told as %s %s, and is %s %s", o.ID, heard.State, heard.Code, o.State, o.Code)
		}
	}
	for id := range performed {
		t.Errorf("%s was bound, and nobody was told that it is enqueued", id)
	}
	for _, change := range l.changed {
		t.Errorf("told twice: %s", change)
	}
	stock := dyplsq(t, l.env, "", "numbers", "list", ownPool, "--json")
	if want := fmt.Sprintf(`"leased":0,"bound":%d,`, owned); !strings.Contains(stock.out, want) {
		t.Errorf("the inventory is %s%s, want %s", stock.out, stock.errors, want)
	}
	if surplus > 0 {
		t.Errorf("%d surplus bindings", surplus)
	}
	t.Logf("%d tasks acknowledged, %d outcomes, %d answers of the API lost: %d surplus, %d uncertain, %d lost or wrong, %d told and changed; %d enqueues failed and were repeated",
		len(l.acknowledged), len(outcomes), lostAnswers, surplus, uncertain, wrong, len(l.changed), l.refused)
	l.sayGaps(t, outcomes)
}

// sayGaps tells how long each failover left the application without acknowledgements, and without outcomes.
func (l *load) sayGaps(t *testing.T, outcomes []tasks.Outcome) {
	t.Helper()
	var acknowledged, finished []time.Time
	for _, at := range l.acknowledged {
		acknowledged = append(acknowledged, at)
	}
	for _, o := range outcomes {
		finished = append(finished, o.FinishedAt)
	}
	sayLatency(t, outcomes)
	rounded := func(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
	for i, at := range l.kills {
		next := at.Add(time.Hour)
		if i+1 < len(l.kills) {
			next = l.kills[i+1]
		}
		// What is enqueued last is no measure: the load has ended.
		next = earlier(next, l.endedAt)
		t.Logf("kill %d, %s after the start: %s without an acknowledgement, %s without an outcome", i+1, rounded(at.Sub(l.started)),
			rounded(longestGap(acknowledged, at, next)), rounded(longestGap(finished, at, next)))
	}
}

func sayLatency(t *testing.T, outcomes []tasks.Outcome) {
	t.Helper()
	took := make([]time.Duration, len(outcomes))
	for i, o := range outcomes {
		took[i] = o.FinishedAt.Sub(o.EnqueuedAt)
	}
	slices.Sort(took)
	at := func(share float64) time.Duration { return took[int(share*float64(len(took)-1))].Round(time.Millisecond) }
	t.Logf("from enqueue to outcome: p50 %s, p99 %s, p99.9 %s, the last %s", at(0.5), at(0.99), at(0.999), at(1)) //nolint:mnd // shares
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
