package worker

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestNumberThatIsTaken: somebody binds numbers past the inventory. A bind that is given such an X
// takes the next one, and the taken one rests; a caller who names it is told.
func TestNumberThatIsTaken(t *testing.T) {
	t.Parallel()
	const taken, free dypls.Phone = "17000000042", "17000000099"
	s := newWorkerHarness(t, dyplstest.Config{}, nil)
	v := inventory.New(s.redis, inventory.DefaultCooldown)
	numbers := func(numbers ...inventory.Number) {
		t.Helper()
		if _, err := v.Import(t.Context(), dyplstest.DefaultPoolKey, numbers); err != nil {
			t.Fatal(err)
		}
	}
	numbers(inventory.Number{X: free})
	before := bindRequest()
	before.PhoneNoX = taken
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, before, tasks.TaskID("before")); err != nil {
		t.Fatal(err)
	}
	s.outcome(t, "before")
	numbers(inventory.Number{X: taken, City: "北京"})
	request := bindRequest()
	request.ExpectCity = "北京" // the taken one is tried first
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, request, tasks.TaskID("given")); err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, "given"); o.State != tasks.StateSucceeded || o.Calls != 2 {
		t.Errorf("the bind is %s %s after %d calls, want succeeded after 2", o.State, o.Code, o.Calls)
	}
	stock, err := v.Counts(t.Context(), dyplstest.DefaultPoolKey)
	if err != nil || stock.Resting != 1 || stock.Bound != 1 {
		t.Errorf("the inventory has %+v, %v; want one at rest and one bound", stock.Counts, err)
	}
	request = bindRequest()
	request.PhoneNoX = taken
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, request, tasks.TaskID("named")); err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, "named"); o.State != tasks.StateFailed || o.Code != "isv.BIND_CONFLICT" {
		t.Errorf("a bind that names a taken X is %s %s", o.State, o.Code)
	}
}

// TestKilledBeforeItHadANumber: a worker noted a call and ended before it leased the X that the
// call needed. Nothing can have left: the bind is called, and not held as uncertain.
func TestKilledBeforeItHadANumber(t *testing.T) {
	t.Parallel()
	const owned dypls.Phone = "17000000099"
	s := newWorkerHarness(t, dyplstest.Config{Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: []dypls.Phone{owned}}}}, nil)
	v := inventory.New(s.redis, inventory.DefaultCooldown)
	if _, err := v.Import(t.Context(), dyplstest.DefaultPoolKey, []inventory.Number{{X: owned}}); err != nil {
		t.Fatal(err)
	}
	redistest.Poll(t, outcomeWithin, "every worker to know of the inventory", func(ctx context.Context) error {
		since, known, err := v.LeasedSince(ctx, dyplstest.DefaultPoolKey)
		if err != nil || !known || time.Now().Before(since) {
			return errors.Join(err, errors.New("not yet"))
		}
		return nil
	})
	_, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, bindRequest(), tasks.TaskID("cut"), tasks.ProcessIn(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	_, err = record.NewStore(s.redis).Begin(t.Context(), record.Run{
		ID: "cut", Run: "gone", Lease: time.Millisecond, MaxAttempts: 6, MaxCrashes: maxCrashes, LookAfter: time.Millisecond, Keep: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, "cut"); o.State != tasks.StateSucceeded || s.performed("BindAxn") != 1 {
		t.Errorf("the task is %s, and was sent %d times", o.State, s.performed("BindAxn"))
	}
}

// TestInventoryThatCameLater: a call left before its pool had an inventory, and its answer was lost
// with its worker. A number leased since proves nothing about it: the task is held, not sent again.
func TestInventoryThatCameLater(t *testing.T) {
	t.Parallel()
	const platforms, owned dypls.Phone = "17000000042", "17000000099"
	s := newWorkerHarness(t, dyplstest.Config{
		Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: []dypls.Phone{platforms, owned}}},
	}, func(c *Config) { c.OnUncertain = UncertainHold })
	_, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, bindRequest(), tasks.TaskID("before"), tasks.ProcessIn(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	// Another worker called, and ended with its call out.
	_, err = record.NewStore(s.redis).Begin(t.Context(), record.Run{
		ID: "before", Run: "gone", Lease: time.Millisecond, MaxAttempts: 6, MaxCrashes: maxCrashes, LookAfter: time.Millisecond, Keep: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	v := inventory.New(s.redis, inventory.DefaultCooldown)
	if _, err := v.Import(t.Context(), dyplstest.DefaultPoolKey, []inventory.Number{{X: owned}}); err != nil {
		t.Fatal(err)
	}
	if o := s.outcome(t, "before"); o.State != tasks.StateUncertain || s.performed("BindAxn") != 0 {
		t.Errorf("the task is %s, and was sent %d more times", o.State, s.performed("BindAxn"))
	}
	if stock, err := v.Counts(t.Context(), dyplstest.DefaultPoolKey); err != nil || stock.Free != 1 {
		t.Errorf("the inventory has %+v, %v; want its number free", stock.Counts, err)
	}
}
