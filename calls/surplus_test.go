package calls

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// surplusWorld is a service that is two seconds older after each bind.
type surplusWorld struct {
	*settling

	clock ages
}

func startSurplus(t *testing.T) *surplusWorld {
	t.Helper()
	w := &surplusWorld{}
	w.clock.perBind.Store(2)
	w.settling = startSettlingBy(t, &w.clock)
	return w
}

// fail has the next binds of an OutId fail, one after the other.
func (w *surplusWorld) fail(t *testing.T, outID string, faults ...dyplstest.Fault) {
	t.Helper()
	for _, f := range faults {
		f.Match, f.Times = map[string]string{"OutId": outID}, 1
		if err := w.api.AddFault(f); err != nil {
			t.Fatal(err)
		}
	}
}

// bind performs a task, and returns what was bound for it, in order: two bindings where it leaves
// one behind, for its first call was refused although it had bound.
func (w *surplusWorld) bind(t *testing.T, id string, req dypls.BindAXNRequest, leaves bool) (bound []dyplstest.Entry) {
	t.Helper()
	outID := outIDOf(req, id)
	if leaves {
		w.fail(t, outID, dyplstest.Fault{Do: dyplstest.AnswerCodeAfter, Code: "isp.SYSTEM_ERROR"})
	}
	if _, err := tasks.BindAXN.Enqueue(t.Context(), w.queue, req, tasks.TaskID(id)); err != nil {
		t.Fatal(err)
	}
	w.ended(t, []string{id})
	for _, e := range w.api.Ledger() {
		if e.Performed && e.Action == "BindAxn" && e.Parameters["OutId"] == outID {
			bound = append(bound, e)
		}
	}
	return bound
}

func outIDOf(req dypls.BindAXNRequest, id string) string {
	if req.OutID != "" {
		return req.OutID
	}
	return id
}

// bindBeside binds as an application does by itself, with a task's id as the OutId.
func (w *surplusWorld) bindBeside(t *testing.T, req dypls.BindAXNRequest, id string) dypls.Binding {
	t.Helper()
	req.OutID = id
	b, err := dypls.BindAXN.Call(t.Context(), w.caller, req)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (w *surplusWorld) isBound(subsID string) bool {
	return slices.ContainsFunc(w.api.Bindings(), func(b dyplstest.Binding) bool { return b.SubsID == subsID })
}

// TestSurplusIsUnboundAtItsFirstCall: of two bindings that a task made it knows the second. The
// first call on the other one has that unbound, by a task of its own; what
// the owner was told stays.
func TestSurplusIsUnboundAtItsFirstCall(t *testing.T) {
	t.Parallel()
	w := startSurplus(t)
	bound := w.bind(t, "k", platformChosen(1), true)
	if len(bound) != 2 {
		t.Fatalf("%d were bound", len(bound))
	}
	before, err := w.queue.Outcome(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // each call has several receipts
		if _, err := w.api.PlaceCall(dyplstest.Dial{SubsID: bound[0].SubsID, Caller: numberB}); err != nil {
			t.Fatal(err)
		}
	}
	redistest.Poll(t, within, "the surplus to be unbound", func(ctx context.Context) error {
		o, err := w.queue.Outcome(ctx, "surplus:"+bound[0].SubsID)
		if err == nil && o.State != tasks.StateSucceeded {
			err = fmt.Errorf("its removal is %s: %s", o.State, o.Message)
		}
		return err
	})
	if w.isBound(bound[0].SubsID) || !w.isBound(bound[1].SubsID) {
		t.Errorf("bound are %v", w.api.Bindings())
	}
	after, err := w.queue.Outcome(t.Context(), "k")
	if err != nil || string(after.Result) != string(before.Result) {
		t.Errorf("the owner was told %s, and now %s: %v", before.Result, after.Result, err)
	}
	if e, err := w.queue.Explain(t.Context(), "k"); err != nil || e.Surpluses != 1 || e.ResolvedBy != "" {
		t.Errorf("%d surplus bindings, settled by %q, %v", e.Surpluses, e.ResolvedBy, err)
	}
}

// TestWhatIsNotProvenStaysBound: whatever names a task's id as its OutId, what can be anybody's
// binding is not unbound.
func TestWhatIsNotProvenStaysBound(t *testing.T) {
	t.Parallel()
	w := startSurplus(t)
	shown := func(e dyplstest.Entry) dypls.Binding {
		return dypls.Binding{SubsID: e.SubsID, SecretNo: e.SecretNo}
	}
	tests := map[string]struct {
		proven bool
		story  func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding
	}{
		"a call that was refused had bound": {true, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			return shown(w.bind(t, id, req, true)[0])
		}},
		"the task's own": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			return shown(w.bind(t, id, req, true)[1])
		}},
		"the task made one call": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			b := w.bindBeside(t, req, id)
			w.bind(t, id, req, false)
			return b
		}},
		"its other calls cannot have bound": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			b := w.bindBeside(t, req, id)
			w.fail(t, id, dyplstest.Fault{Code: "isv.FLOW_LIMIT"}, dyplstest.Fault{Code: "isv.FLOW_LIMIT"})
			w.bind(t, id, req, false)
			return b
		}},
		"the OutId is the application's own": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			req.OutID = id
			return shown(w.bind(t, id, req, true)[0])
		}},
		"bound anew after the task, the OutId used again": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			w.bind(t, id, req, true)
			return w.bindBeside(t, req, id)
		}},
		"bound anew once the task's own was unbound": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			bound := w.bind(t, id, req, true)
			unbind := dypls.UnbindSubscriptionRequest{PoolKey: req.PoolKey, SubsID: bound[1].SubsID, SecretNo: bound[1].SecretNo}
			if _, err := dypls.UnbindSubscription.Call(t.Context(), w.caller, unbind); err != nil {
				t.Fatal(err)
			}
			return w.bindBeside(t, req, id)
		}},
		"in the second of the task's own": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			w.clock.stopped.Store(new(w.clock.now()))
			defer w.clock.stopped.Store(nil)
			return shown(w.bind(t, id, req, true)[0])
		}},
		"made long before the task": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			w.clock.ahead.Add(-300)
			b := w.bindBeside(t, req, id)
			w.clock.ahead.Add(300)
			w.bind(t, id, req, true)
			return b
		}},
		"of another A": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			other := req
			other.PhoneNoA = "13711112222"
			b := w.bindBeside(t, other, id)
			w.bind(t, id, req, true)
			return b
		}},
		"of another Expiration": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			other := req
			other.Expiration = dypls.At(req.Expiration.Add(time.Hour))
			b := w.bindBeside(t, other, id)
			w.bind(t, id, req, true)
			return b
		}},
		"updated since": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			b := shown(w.bind(t, id, req, true)[0])
			update := dypls.UpdateSubscriptionRequest{
				PoolKey: req.PoolKey, SubsID: b.SubsID, PhoneNoX: b.SecretNo, OperateType: dypls.UpdateNoA, PhoneNoA: "13733334444",
			}
			if _, err := dypls.UpdateSubscription.Call(t.Context(), w.caller, update); err != nil {
				t.Fatal(err)
			}
			return b
		}},
		"unbound since": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			b := shown(w.bind(t, id, req, true)[0])
			unbind := dypls.UnbindSubscriptionRequest{PoolKey: req.PoolKey, SubsID: b.SubsID, SecretNo: b.SecretNo}
			if _, err := dypls.UnbindSubscription.Call(t.Context(), w.caller, unbind); err != nil {
				t.Fatal(err)
			}
			return b
		}},
		"on another X than the receipt says": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			bound := w.bind(t, id, req, true)
			return dypls.Binding{SubsID: bound[0].SubsID, SecretNo: bound[1].SecretNo}
		}},
		"the task failed, and somebody bound anew": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			w.fail(t, id, dyplstest.Fault{Code: "isp.SYSTEM_ERROR"}, dyplstest.Fault{Code: "isv.NO_AVAILABLE_NUMBER"})
			w.bind(t, id, req, false)
			return w.bindBeside(t, req, id)
		}},
		"the OutId is an unbind's id": {false, func(t *testing.T, id string, req dypls.BindAXNRequest) dypls.Binding {
			t.Helper()
			b := w.bindBeside(t, req, "other-"+id)
			unbind := dypls.UnbindSubscriptionRequest{PoolKey: req.PoolKey, SubsID: b.SubsID, SecretNo: b.SecretNo}
			if _, err := tasks.UnbindSubscription.Enqueue(t.Context(), w.queue, unbind, tasks.TaskID(id)); err != nil {
				t.Fatal(err)
			}
			w.ended(t, []string{id})
			return w.bindBeside(t, req, id)
		}},
	}
	n := 0
	for name, test := range tests { // one after the other: the clock is everybody's
		n++
		id := fmt.Sprint("case-", n)
		seen := test.story(t, id, platformChosen(100+n))
		proven, err := w.queue.UnbindSurplus(t.Context(), w.caller, id, seen)
		if err != nil || proven != test.proven {
			t.Errorf("%s: proven %t, %v", name, proven, err)
		}
		if again, err := w.queue.UnbindSurplus(t.Context(), w.caller, id, seen); err != nil || again {
			t.Errorf("%s: proven once more, %v", name, err)
		}
		e, err := w.queue.Explain(t.Context(), id)
		if want := map[bool]int{true: 1}[test.proven]; err != nil || e.Surpluses != want {
			t.Errorf("%s: %d surplus bindings, %v", name, e.Surpluses, err)
		}
	}
	if _, err := w.queue.UnbindSurplus(t.Context(), w.caller, "nobody", dypls.Binding{SubsID: "1", SecretNo: numberX}); !errors.Is(err, tasks.ErrUnknownTask) {
		t.Errorf("%v", err)
	}
}

// TestSettledByHandProvesNothing: a person settled the task; what an application bound meanwhile
// looks like a binding of the task's.
func TestSettledByHandProvesNothing(t *testing.T) {
	t.Parallel()
	w := startSurplus(t)
	req := platformChosen(1)
	w.fail(t, "k", dyplstest.Fault{Code: "isp.SYSTEM_ERROR"}, dyplstest.Fault{Do: dyplstest.DropBefore})
	if _, err := tasks.BindAXN.Enqueue(t.Context(), w.queue, req, tasks.TaskID("k")); err != nil {
		t.Fatal(err)
	}
	w.uncertain(t, 1)
	beside := w.bindBeside(t, req, "k")
	if err := w.queue.Resolve(t.Context(), "k", tasks.ResolveRetry("ann")); err != nil {
		t.Fatal(err)
	}
	w.ended(t, []string{"k"})
	if proven, err := w.queue.UnbindSurplus(t.Context(), w.caller, "k", beside); err != nil || proven {
		t.Errorf("proven %t, %v", proven, err)
	}
}
