package worker

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestBindWaitsForANumberThatOpens: a bind whose number does not open is not sent, and keeps the
// number. It is sent with that once it was imported again.
func TestBindWaitsForANumberThatOpens(t *testing.T) {
	t.Parallel()
	const owned dypls.Phone = "17000000099"
	keys := sealtest.New(t)
	s := newWorkerHarness(t, dyplstest.Config{Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: []dypls.Phone{owned}}}},
		func(c *Config) { c.Keys = keys })
	s.queue = queuetest.New(t, tasks.Config{Client: s.redis, Keys: keys})
	v := inventory.New(s.redis, inventory.DefaultCooldown).WithKeys(keys)
	numbers := []inventory.Number{{X: owned}}
	if _, err := v.Import(t.Context(), dyplstest.DefaultPoolKey, numbers); err != nil {
		t.Fatal(err)
	}
	key := "dypls:{pool:" + dyplstest.DefaultPoolKey + "}:sealed"
	for handle := range s.redis.HGetAll(t.Context(), key).Val() {
		s.redis.HSet(t.Context(), key, handle, "\x00dqspoiled")
	}
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, bindRequest(), tasks.TaskID("bind")); err != nil {
		t.Fatal(err)
	}
	s.logged(t, "number unreadable; the task waits")
	if n := s.performed("BindAxn"); n != 0 {
		t.Errorf("%d calls were made", n)
	}
	if stock, err := v.Counts(t.Context(), dyplstest.DefaultPoolKey); err != nil || stock.Leased != 1 {
		t.Errorf("%+v, %v", stock.Counts, err)
	}
	if _, err := v.Import(t.Context(), dyplstest.DefaultPoolKey, numbers); err != nil {
		t.Fatal(err)
	}
	o := s.outcome(t, "bind")
	if o.State != tasks.StateSucceeded || o.Calls != 1 || !strings.Contains(string(o.Result), string(owned)) {
		t.Errorf("the bind is %s %s after %d calls", o.State, o.Code, o.Calls)
	}
	redistest.Poll(t, outcomeWithin, "its binding to be written down", func(ctx context.Context) error {
		stock, err := v.Counts(ctx, dyplstest.DefaultPoolKey)
		if err == nil && stock.Bound != 1 {
			err = errors.New("not yet")
		}
		return err
	})
}

// atUnbind does something at the moment that an unbind leaves.
type atUnbind struct {
	dypls.Caller

	leaves func()
}

// Call implements [dypls.Caller].
func (c atUnbind) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	if call.Action == dypls.UnbindSubscription.Action {
		c.leaves()
	}
	return c.Caller.Call(ctx, call)
}

// TestLookWaitsForKeysOfItsInventory: an unbind whose binding is gone already, and whose pool was
// sealed while its call was out, is left to who can tell the inventory.
func TestLookWaitsForKeysOfItsInventory(t *testing.T) {
	t.Parallel()
	const owned dypls.Phone = "17000000099"
	keys := sealtest.New(t)
	var sealer atomic.Pointer[inventory.Inventory]
	s := newWorkerHarness(t, dyplstest.Config{Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: []dypls.Phone{owned}}}},
		func(c *Config) {
			c.Caller = atUnbind{c.Caller, func() {
				if err := sealer.Load().Seal(t.Context(), dyplstest.DefaultPoolKey, nil); err != nil {
					t.Error(err)
				}
			}}
		})
	v := inventory.New(s.redis, inventory.DefaultCooldown)
	sealer.Store(inventory.New(s.redis, inventory.DefaultCooldown).WithKeys(keys))
	bound := s.bindOwned(t, v, owned)
	unbind := dypls.UnbindSubscriptionRequest{PoolKey: dyplstest.DefaultPoolKey, SubsID: bound.SubsID, SecretNo: bound.SecretNo}
	if _, err := dypls.UnbindSubscription.Call(t.Context(), s.caller, unbind); err != nil {
		t.Fatal(err)
	}
	if _, err := tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, unbind, tasks.TaskID("unbind")); err != nil {
		t.Fatal(err)
	}
	s.logged(t, "number unreadable; the task waits")
	redistest.Poll(t, outcomeWithin, "the look to be left to others", func(ctx context.Context) error {
		e, err := s.queue.Explain(ctx, "unbind")
		if err == nil && (e.State != "waiting" || !strings.Contains(e.Message, "has the keys")) {
			err = errors.New(e.State + ": " + e.Message)
		}
		return err
	})
	known, err := sealer.Load().Knows(t.Context(), dyplstest.DefaultPoolKey, bound.SecretNo, bound.SubsID)
	if err != nil || !known {
		t.Errorf("the binding is known: %t, %v", known, err)
	}
}

// TestUnbindWaitsForKeysOfItsInventory: a worker without keys leaves the bindings of a sealed pool
// to others: nobody would tell the inventory.
func TestUnbindWaitsForKeysOfItsInventory(t *testing.T) {
	t.Parallel()
	const owned dypls.Phone = "17000000099"
	keys := sealtest.New(t)
	s := newWorkerHarness(t, dyplstest.Config{Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: []dypls.Phone{owned}}}}, nil)
	v := inventory.New(s.redis, inventory.DefaultCooldown)
	bound := s.bindOwned(t, v, owned)
	if err := v.WithKeys(keys).Seal(t.Context(), dyplstest.DefaultPoolKey, nil); err != nil {
		t.Fatal(err)
	}
	unbind := dypls.UnbindSubscriptionRequest{PoolKey: dyplstest.DefaultPoolKey, SubsID: bound.SubsID, SecretNo: bound.SecretNo}
	if _, err := tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, unbind, tasks.TaskID("unbind")); err != nil {
		t.Fatal(err)
	}
	s.logged(t, "number unreadable; the task waits")
	if n := s.performed("UnbindSubscription"); n != 0 {
		t.Errorf("%d calls were made", n)
	}
	if known, err := v.Knows(t.Context(), dyplstest.DefaultPoolKey, bound.SecretNo, bound.SubsID); err != nil || !known {
		t.Errorf("the binding is known: %t, %v", known, err)
	}
}

// bindOwned has a number be the only one of an inventory, and returns the binding of it.
func (s *workerHarness) bindOwned(t *testing.T, v *inventory.Inventory, owned dypls.Phone) (bound dypls.Binding) {
	t.Helper()
	if _, err := v.Import(t.Context(), dyplstest.DefaultPoolKey, []inventory.Number{{X: owned}}); err != nil {
		t.Fatal(err)
	}
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, bindRequest(), tasks.TaskID("bind")); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(s.outcome(t, "bind").Result, &bound); err != nil {
		t.Fatal(err)
	}
	return bound
}
