package failover

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// judge compares what was acknowledged and told with the records and with the simulator's ledger:
// every acknowledged task has the one outcome that the ledger tells, whoever heard of it heard the
// same, and nothing was bound twice.
func (l *load) judge(t *testing.T, outcomes []tasks.Outcome) {
	t.Helper()
	performed, lostAnswers := map[string][]dyplstest.Entry{}, 0
	for _, e := range l.Simulator.Ledger() {
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
	surplus, uncertain, wrong, owned := 0, 0, 0, map[string]int{}
	for _, o := range outcomes {
		if n, err := strconv.Atoi(strings.TrimPrefix(o.ID, jobPrefix)); err == nil {
			owned[loadPool(n)]++
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
	for _, pool := range ownPools {
		stock := systemtest.Run(t, l.Env, "", "numbers", "list", pool, "--json")
		if want := fmt.Sprintf(`"leased":0,"bound":%d,`, owned[pool]); !strings.Contains(stock.Out, want) {
			t.Errorf("the inventory of %s is %s%s, want %s", pool, stock.Out, stock.Errors, want)
		}
	}
	if surplus > 0 {
		t.Errorf("%d surplus bindings", surplus)
	}
	t.Logf("%d tasks acknowledged, %d outcomes, %d answers of the API lost: %d surplus, %d uncertain, %d lost or wrong, %d told and changed; %d enqueues failed and were repeated",
		len(l.acknowledged), len(outcomes), lostAnswers, surplus, uncertain, wrong, len(l.changed), l.refused)
	l.sayGaps(t, outcomes)
}
