package systemtest

import (
	"context"
	"errors"
	"testing"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Surplus counts the binds that took effect beyond the first of their task.
func (s *System) Surplus() int {
	n, bound := 0, map[string]bool{}
	for _, e := range s.Simulator.Ledger() {
		if id := e.Parameters["OutId"]; e.Performed && e.Action == "BindAxn" {
			if bound[id] {
				n++
			}
			bound[id] = true
		}
	}
	return n
}

// BindCalls counts the calls that bind.
func (s *System) BindCalls() int {
	n := 0
	for _, e := range s.Simulator.Ledger() {
		if e.Action == "BindAxn" {
			n++
		}
	}
	return n
}

// AllPerformed counts the calls that took effect.
func (s *System) AllPerformed() int {
	n := 0
	for _, e := range s.Simulator.Ledger() {
		if e.Performed {
			n++
		}
	}
	return n
}

// Performed is what the simulator really did for a task, whose id it got as OutId.
func (s *System) Performed(id string) []dyplstest.Entry {
	var entries []dyplstest.Entry
	for _, e := range s.Simulator.Ledger() {
		if e.Performed && e.Parameters["OutId"] == id {
			entries = append(entries, e)
		}
	}
	return entries
}

// IsOut waits, for use with redistest.Poll, until the simulator has performed a task whose answer
// may still be to come.
func (s *System) IsOut(id string) func(context.Context) error {
	return func(context.Context) error {
		if len(s.Performed(id)) == 0 {
			return errors.New("not yet")
		}
		return nil
	}
}

// EachOnce holds outcomes against the ledger: each succeeded, and took effect once.
func (s *System) EachOnce(t *testing.T, outcomes []tasks.Outcome) {
	t.Helper()
	performed := map[string]int{}
	for _, e := range s.Simulator.Ledger() {
		if e.Performed {
			performed[e.Parameters["OutId"]]++
		}
	}
	for _, o := range outcomes {
		if o.State != tasks.StateSucceeded || performed[o.ID] != 1 {
			t.Errorf("%s is %s %s, and took effect %d times", o.ID, o.State, o.Code, performed[o.ID])
		}
	}
}

// NothingUnbound fails where a binding was removed, or is to be: in these tests none is a surplus
// one.
func (s *System) NothingUnbound(t *testing.T) {
	t.Helper()
	for _, e := range s.Simulator.Ledger() {
		if e.Action == "UnbindSubscription" {
			t.Errorf("a binding of %s was removed", e.Parameters["SubsId"])
		}
	}
	info, err := asynq.NewInspectorFromRedisClient(s.Redis.Client(t)).GetQueueInfo("unbind")
	if err != nil {
		t.Fatal(err)
	}
	if n := info.Size + info.ProcessedTotal; n > 0 {
		t.Errorf("%d bindings are to be removed", n)
	}
}
