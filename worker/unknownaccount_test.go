package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestUnknownAccountIsHeld: a task whose account no worker knows takes no call and no attempt,
// until one does, or its time is over.
func TestUnknownAccountIsHeld(t *testing.T) {
	t.Parallel()
	soon := quick
	soon.unknownAccountAgain = time.Second
	server, simulated := redistest.Start(t), withShop(dyplstest.Config{}, 10, nil)
	s := newWorkerHarnessOn(t, server, soon, simulated, nil)
	for i := range 3 {
		s.shopBind(t, fmt.Sprint("k", i))
	}
	s.shopBind(t, "late", tasks.Within(2*time.Second))
	s.bind(t, "own")
	s.succeeds(t, "own")
	if o := s.outcome(t, "late"); o.State != tasks.StateFailed || o.Code != dypls.CodeExpired || o.Attempts != 0 || o.Calls != 0 {
		t.Errorf("%s %s after %d attempts and %d calls", o.State, o.Code, o.Attempts, o.Calls)
	}
	redistest.Poll(t, outcomeWithin, "the account to be missed", func(ctx context.Context) error {
		accounts, err := presence.Read(ctx, s.redis)
		if err != nil || !slices.Equal(accounts.Missing, []string{shop}) || !slices.Equal(accounts.Known, []string{tasks.DefaultAccount}) {
			return fmt.Errorf("%+v, %w", accounts, err)
		}
		return nil
	})
	if e, err := s.queue.Explain(t.Context(), "k0"); err != nil || !strings.Contains(e.Why, "account shop") || !strings.Contains(e.Remedy, "--account shop") {
		t.Errorf("%s; %s; %v", e.Why, e.Remedy, err)
	}
	if n := strings.Count(s.log.String(), "unknown account; holding its tasks"); n != 1 {
		t.Errorf("said %d times", n)
	}
	if n := len(s.simulator.Ledger()); n != 1 {
		t.Errorf("%d calls", n)
	}
	other := newWorkerHarnessOn(t, server, soon, simulated, func(c *Config) {
		client, _ := c.Caller.(*aliyun.Client)
		c.Callers = map[string]dypls.Caller{shop: shopCaller(t, endpointOf(client))}
	})
	for i := range 3 {
		if o := s.outcome(t, fmt.Sprint("k", i)); o.State != tasks.StateSucceeded || o.Attempts != 1 || o.Calls != 1 {
			t.Errorf("k%d: %s after %d attempts and %d calls", i, o.State, o.Attempts, o.Calls)
		}
	}
	if n := other.performed("BindAxn"); n != 3 {
		t.Errorf("%d binds by the worker that knows the account", n)
	}
}

// TestLookOfAnUnknownAccount: a task whose earlier call has to be looked for waits for a worker
// that can look.
func TestLookOfAnUnknownAccount(t *testing.T) {
	t.Parallel()
	soon := quick
	soon.unknownAccountAgain = time.Second
	s := newTimedWorkerHarness(t, soon, withShop(dyplstest.Config{}, 10, nil), nil)
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, shopBind(), tasks.TaskID("k"), tasks.Account(shop), tasks.ProcessIn(time.Second)); err != nil {
		t.Fatal(err)
	}
	store := record.NewStore(s.redis)
	begun, err := store.Begin(t.Context(), record.Run{ID: "k", Run: "dies", Lease: time.Millisecond, MaxAttempts: 6, MaxCrashes: 3, Keep: time.Hour})
	if err != nil || begun.Verdict != record.Go {
		t.Fatal(begun, err)
	}
	s.logged(t, "unknown account; holding its tasks")
	if o, err := s.queue.Outcome(t.Context(), "k"); err != nil || o.State != tasks.StatePending || o.Calls != 1 {
		t.Errorf("%+v, %v", o, err)
	}
	if n := len(s.simulator.Ledger()); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// TestLateLookOfAnUnknownAccount: likewise where its time is over meanwhile. It is not told to have
// failed before somebody has looked.
func TestLateLookOfAnUnknownAccount(t *testing.T) {
	t.Parallel()
	soon := quick
	soon.unknownAccountAgain = time.Second
	server, simulated := redistest.Start(t), withShop(dyplstest.Config{}, 10, nil)
	s := newWorkerHarnessOn(t, server, soon, simulated, nil)
	request := shopBind()
	request.PhoneNoX = dyplstest.Numbers("171", 1)[0]
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, request,
		tasks.TaskID("k"), tasks.Account(shop), tasks.ProcessIn(time.Second), tasks.Within(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	begun, err := record.NewStore(s.redis).Begin(t.Context(),
		record.Run{ID: "k", Run: "dies", Lease: time.Millisecond, MaxAttempts: 6, MaxCrashes: 3, Keep: time.Hour})
	if err != nil || begun.Verdict != record.Go {
		t.Fatal(begun, err)
	}
	s.logged(t, `"message":"look"`)
	if o, err := s.queue.Outcome(t.Context(), "k"); err != nil || o.State != tasks.StatePending {
		t.Errorf("%+v, %v", o, err)
	}
	if n := len(s.simulator.Ledger()); n != 0 {
		t.Errorf("%d calls", n)
	}
	other := newWorkerHarnessOn(t, server, soon, simulated, func(c *Config) {
		client, _ := c.Caller.(*aliyun.Client)
		c.Callers = map[string]dypls.Caller{shop: shopCaller(t, endpointOf(client))}
	})
	redistest.Poll(t, outcomeWithin, "looks that are left to others to take no call", func(context.Context) error {
		if held := len(s.worker.concurrency["bind"].callSlots); held != 0 {
			return fmt.Errorf("%d are taken", held)
		}
		return nil
	})
	if o := s.outcome(t, "k"); o.State != tasks.StateFailed || o.Code != dypls.CodeExpired || o.Calls != 1 {
		t.Errorf("%s %s after %d calls", o.State, o.Code, o.Calls)
	}
	entries := other.simulator.Ledger()
	if len(entries) < verificationsNeeded {
		t.Errorf("%d calls of looks", len(entries))
	}
	for _, e := range entries {
		if e.AccessKeyID != shopKey || e.Action == "BindAxn" {
			t.Errorf("%s by %s", e.Action, e.AccessKeyID)
		}
	}
}
