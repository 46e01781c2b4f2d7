package tasks_test

import (
	"errors"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestTaskAnswersAsItsIDDoes: what Enqueue returns and what is asked by the id say the same, before
// the end and after it.
func TestTaskAnswersAsItsIDDoes(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	task, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, axn(), tasks.TaskID("k"))
	if err != nil || task.ID != "k" {
		t.Fatalf("%q, %v", task.ID, err)
	}
	if _, err := task.Result(t.Context()); !errors.Is(err, tasks.ErrPending) {
		t.Errorf("before its end: %v", err)
	}
	want := dypls.Binding{SubsID: "1", SecretNo: numberX}
	s.bind(t, "k", want)
	result, resultErr := task.Result(t.Context())
	waited, waitErr := task.Wait(t.Context())
	byID, byIDErr := tasks.BindAXN.Wait(t.Context(), s.queue, "k")
	if err := errors.Join(resultErr, waitErr, byIDErr); err != nil || result != want || waited != want || byID != want {
		t.Errorf("%+v, %+v, %+v, %v, want %+v", result, waited, byID, err, want)
	}
	if err := task.Cancel(t.Context()); !errors.Is(err, tasks.ErrNotCancelable) {
		t.Errorf("canceled after its end: %v", err)
	}
	again, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, axn())
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Cancel(t.Context()); err != nil {
		t.Error(err)
	}
	_, err = again.Result(t.Context())
	if failed, ok := errors.AsType[*dypls.Error](err); !ok || failed.Code != dypls.CodeCanceled {
		t.Errorf("a canceled task: %v", err)
	}
}

// TestPoliciesCannotBeChanged: what a caller does to a kind's policy stays its own.
func TestPoliciesCannotBeChanged(t *testing.T) {
	t.Parallel()
	changed := tasks.UpdateSubscription.Policy()
	changed.Attempts, changed.Orders[0] = 1, "PoolKey"
	if p := tasks.UpdateSubscription.Policy(); p.Attempts == 1 || p.Orders[0] == "PoolKey" {
		t.Errorf("%+v", p)
	}
}
