package worker

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestSettledByHand: a held task is settled once, by whoever is first.
func TestSettledByHand(t *testing.T) {
	t.Parallel()
	ways := map[string]tasks.Resolution{
		"succeeded": tasks.ResolveSucceeded(json.RawMessage(`{"SubsId":"1000","SecretNo":"17000000009"}`), "ops"),
		"failed":    tasks.ResolveFailed("ops"),
		"retry":     tasks.ResolveRetry("ops"),
	}
	for name, want := range map[string]wantOutcome{
		"succeeded": {tasks.StateSucceeded, "OK", 1, 0, 0},
		"failed":    {tasks.StateFailed, dypls.CodeNoAnswer, 1, 0, 0},
		"retry":     {tasks.StateSucceeded, "OK", 2, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.DropBefore, Times: 1}}}, nil)
			s.bind(t, "k")
			s.expectOutcome(t, "k", wantOutcome{tasks.StateUncertain, dypls.CodeNoAnswer, 1, 0, 0})
			if err := s.queue.Resolve(t.Context(), "k", ways[name]); err != nil {
				t.Fatal(err)
			}
			s.expectOutcome(t, "k", want)
			for other, way := range ways {
				if err := s.queue.Resolve(t.Context(), "k", way); !errors.Is(err, tasks.ErrNotUncertain) {
					t.Errorf("%s after %s: %v", other, name, err)
				}
			}
			s.expectOutcome(t, "k", want)
			if by := s.field(t, "k", "resolved_by"); by != "ops" {
				t.Errorf("resolved by %q", by)
			}
		})
	}
}

// TestASettledKeyStaysProtected: who settles a bind that took effect cannot have its record deleted
// by it, so that the producer's repetition finds its task, and no second number is bound.
func TestASettledKeyStaysProtected(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.DropAfter, Times: 1}}}, nil)
	request := bindRequest()
	enqueue := func() {
		if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, request, tasks.TaskID("k")); err != nil {
			t.Fatal(err)
		}
	}
	enqueue()
	s.expectOutcome(t, "k", wantOutcome{tasks.StateUncertain, dypls.CodeNoAnswer, 1, 1, 0})
	bound := s.simulator.Bindings()[0]
	result, err := json.Marshal(dypls.Binding{SubsID: bound.SubsID, SecretNo: bound.PhoneNoX})
	if err != nil {
		t.Fatal(err)
	}
	settled := tasks.ResolveSucceeded(result, "ops")
	for _, kept := range []time.Duration{-5 * time.Second, time.Minute - 1} {
		if _, err := tasks.New(tasks.Config{Client: s.redis, Retention: kept}); err == nil {
			t.Errorf("kept for %s: it could be settled", kept)
		}
	}
	if err := queuetest.New(t, tasks.Config{Client: s.redis, Retention: time.Minute}).Resolve(t.Context(), "k", settled); err != nil {
		t.Fatal(err)
	}
	enqueue()
	s.expectOutcome(t, "k", wantOutcome{tasks.StateSucceeded, "OK", 1, 1, 0})
	if n := len(s.simulator.Bindings()); n != 1 {
		t.Errorf("%d bindings of one key", n)
	}
}
