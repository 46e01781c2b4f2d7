package inventory_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// What is not told about a binding is as its lease has it: whoever settles a task later knows
// SubsId and X, no more.
func TestBoundAsLeased(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]inventory.Want{"alone": alone("task"), "pair": pair("task", 1, 2), "extension": extension("task")} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			onEachServer(t, func(t *testing.T, s stock) {
				s.fill(t, numbers(1))
				want := want // each server has a clock of its own
				want.Until = s.clock(t).Add(time.Hour)
				got := s.lease(t, want)
				err := s.Bound(t.Context(), inventory.Binding{Pool: pool, Task: want.Task, Kind: want.Kind, X: got.X, SubsID: "1"})
				if err != nil {
					t.Fatal(err)
				}
				h, ok, err := s.Holding(t.Context(), pool, want.Task)
				if err != nil || !ok || !h.Settled() || h.Extension != got.Extension || h.Until.Sub(want.Until).Abs() > time.Millisecond {
					t.Errorf("%+v, %t, %v", h, ok, err)
				}
				s.Forward(59 * time.Minute)
				s.none(t, alone("other"))
				s.Forward(2 * time.Minute)
				s.none(t, alone("other")) // it rests
				s.Forward(cooldown)
				s.lease(t, alone("other"))
			})
		})
	}
}

// Two tasks are told one binding, as two identical requests for one X may be. It is held once, and
// freed once.
func TestTwoTasksAreToldOneBinding(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]func(string) inventory.Want{"alone": alone, "pair": func(task string) inventory.Want { return pair(task, 1, 2) }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEachServer(t, func(t *testing.T, s stock) {
				s.fill(t, numbers(2))
				first, second := want("first"), want("second")
				first.X, second.X = x(0), x(0)
				bound := s.bind(t, first, s.lease(t, first))
				got := s.lease(t, second)
				for range 2 { // a reply is lost
					err := s.Bound(t.Context(), inventory.Binding{
						Pool: pool, Task: "second", Kind: second.Kind, A: second.A, B: second.B, X: got.X, SubsID: bound.SubsID, Until: bound.Until,
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				s.audit(t)
				if c := s.count(t); c.Bound != 1 || c.Leases != 1 || c.Free != 1 {
					t.Errorf("%+v", c)
				}
				s.unbound(t, bound)
				if c := s.count(t); c.Resting != 1 || c.Leases != 0 {
					t.Errorf("after its unbind: %+v", c)
				}
			})
		})
	}
}

// A second binding of a task turns up, on another X than the first: both are held until each is
// unbound.
func TestSecondBindingOfATask(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(2))
		want := alone("task")
		first := s.bind(t, want, s.lease(t, want))
		late := first
		late.SubsID, late.X = "late", x(0)
		if first.X == x(0) {
			late.X = x(1)
		}
		for range 2 { // a reply is lost
			if err := s.Bound(t.Context(), late); err != nil {
				t.Fatal(err)
			}
		}
		s.audit(t)
		if c := s.count(t); c.Bound != 2 || c.Leases != 2 {
			t.Errorf("%+v", c)
		}
		if err := s.Bound(t.Context(), first); err != nil { // told again
			t.Fatal(err)
		}
		s.unbound(t, late)
		if c := s.count(t); c.Bound != 1 || c.Resting != 1 {
			t.Errorf("after the unbind of one: %+v", c)
		}
		s.unbound(t, first)
		if c := s.count(t); c.Resting != 2 || c.Leases != 0 {
			t.Errorf("after both: %+v", c)
		}
	})
}

// A task is forgotten, and what came of its bind with it: its number may be bound as long as a
// binding could stand.
func TestForgottenTask(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(2))
		want := alone("task")
		want.Until, want.X = s.clock(t).Add(time.Hour), x(0)
		s.lease(t, want)
		endless := alone("endless") // of which no expiry is known
		endless.X = x(1)
		s.lease(t, endless)
		for _, task := range []string{"task", "endless", "task"} {
			h, ok, err := s.Holding(t.Context(), pool, task)
			if err != nil || !ok && task != "endless" {
				t.Fatalf("%s: %t, %v", task, ok, err)
			}
			if err := s.Forget(t.Context(), pool, h); err != nil {
				t.Fatal(err)
			}
		}
		s.audit(t)
		if c := s.count(t); c.Bound != 1 || c.Resting != 1 || c.Unsettled != 0 {
			t.Errorf("%+v", c)
		}
		s.Forward(time.Hour + time.Minute)
		if _, err := s.Sweep(t.Context(), pool); err != nil {
			t.Fatal(err)
		}
		if c := s.count(t); c.Resting != 2 {
			t.Errorf("after its expiry: %+v", c)
		}
	})
}

// Who leases no numbers knows no cooldown: what it frees rests as long as the latest lease said.
func TestCooldownAsLeased(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		short := s.process(time.Hour)
		if _, err := short.Lease(t.Context(), alone("task")); err != nil {
			t.Fatal(err)
		}
		other := s.process(inventory.AsLeased)
		if freed, err := other.Release(t.Context(), inventory.Refusal{Pool: pool, Task: "task"}); err != nil || !freed {
			t.Fatal(freed, err)
		}
		s.Forward(59 * time.Minute)
		s.none(t, alone("other"))
		s.Forward(2 * time.Minute)
		s.lease(t, alone("other"))
	})
}

// TestEndOf: what a record says of its bind, and what leaves it open.
func TestEndOf(t *testing.T) {
	t.Parallel()
	const undoing, result = `{"PoolKey":"FC1","ProductType":""}`, `{"SubsId":"1","SecretNo":"17000000001","Extension":"13900000001"}`
	expiration := dypls.At(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	request, err := json.Marshal(dypls.BindAXBRequest{PoolKey: "FC1", PhoneNoA: "13900000001", PhoneNoB: "13900000002", Expiration: expiration})
	if err != nil {
		t.Fatal(err)
	}
	brief := inventory.Ask{Kind: inventory.Alone, PoolKey: "FC1"}
	whole := inventory.Ask{Kind: inventory.Pair, PoolKey: "FC1", PhoneNoA: "13900000001", PhoneNoB: "13900000002", Expiration: expiration}
	binding := dypls.Binding{SubsID: "1", SecretNo: "17000000001", Extension: "13900000001"}
	for name, test := range map[string]struct {
		record record.Record
		want   *inventory.End // nil where it says nothing
	}{
		"succeeded": {record.Record{Action: "BindAxn", State: record.Succeeded, Undoing: undoing, Result: []byte(result)},
			&inventory.End{Task: "k", Ask: brief, Binding: binding}},
		"canceled": {record.Record{Action: "BindAxb", State: record.Failed, Code: dypls.CodeCanceled, Undoing: undoing, Request: request},
			&inventory.End{Task: "k", Ask: whole, Unperformed: true}},
		"failed": {record.Record{Action: "BindAxb", State: record.Failed, Code: dypls.CodeNoAnswer, Undoing: undoing, Request: request},
			&inventory.End{Task: "k", Ask: whole}},
		"uncertain":               {record.Record{Action: "BindAxb", State: record.Uncertain, Undoing: undoing, Request: request}, nil},
		"waiting":                 {record.Record{Action: "BindAxb", State: record.Waiting, Undoing: undoing, Request: request}, nil},
		"none":                    {record.Record{}, nil},
		"an unbind":               {record.Record{Action: "UnbindSubscription", State: record.Failed, Request: []byte(undoing)}, nil},
		"a product for the pool":  {record.Record{Action: "BindAxn", State: record.Failed, Undoing: `{"PoolKey":""}`}, nil},
		"a result without SubsId": {record.Record{Action: "BindAxn", State: record.Succeeded, Undoing: undoing, Result: []byte(`{}`)}, nil},
	} {
		test.record.ID = "k"
		got, ok := inventory.EndOf(test.record)
		if ok != (test.want != nil) {
			t.Errorf("%s: %t", name, ok)
		}
		if test.want == nil {
			continue
		}
		if diff := cmp.Diff(*test.want, got, cmp.Comparer(func(a, b dypls.Time) bool { return a.Equal(b.Time) })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
