package worker

import (
	"context"
	"encoding/json"
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

// watched tells until when a number is held at the moment that an update leaves.
type watched struct {
	dypls.Caller

	leaves func()
}

// Call implements [dypls.Caller].
func (c *watched) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	if call.Action == dypls.UpdateSubscription.Action {
		c.leaves()
	}
	return c.Caller.Call(ctx, call)
}

// until tells until when the inventory holds the number of task k.
func (s *inventoryHarness) until(t *testing.T) time.Time {
	t.Helper()
	// A run may be on its way to its call when the test has ended.
	holding, holds, err := s.numbers.Holding(context.WithoutCancel(t.Context()), dyplstest.DefaultPoolKey, "k")
	if err != nil || !holds {
		t.Errorf("the number is held: %t, %v", holds, err)
	}
	return holding.Until
}

func (s *inventoryHarness) heldUntil(t *testing.T, when string, want time.Time) {
	t.Helper()
	if until := s.until(t); !until.Equal(want) {
		t.Errorf("%s the number is held until %s, want %s", when, until, want)
	}
}

func (s *inventoryHarness) addFaults(t *testing.T, faults []dyplstest.Fault) {
	t.Helper()
	for _, fault := range faults {
		if err := s.simulator.AddFault(fault); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNumberIsHeldAsLongAsAnUpdateMayHaveBoundIt: while the call that sets another expiry is out,
// and after it where no answer tells what became of it, the number is held until the later of both;
// an answer settles it.
func TestNumberIsHeldAsLongAsAnUpdateMayHaveBoundIt(t *testing.T) {
	t.Parallel()
	const refusal = "isv.EXPIRE_DATE_ILLEGAL"
	fault := func(code string, times int) dyplstest.Fault {
		return dyplstest.Fault{Action: "UpdateSubscription", Code: code, Times: times}
	}
	lost := dyplstest.Fault{Action: "UpdateSubscription", Do: dyplstest.DropAfter, Times: 1}
	for name, test := range map[string]struct {
		sooner   bool
		faults   []dyplstest.Fault
		want     tasks.State
		prolongs bool
	}{
		"later, succeeded":                       {want: tasks.StateSucceeded, prolongs: true},
		"later, refused":                         {faults: []dyplstest.Fault{fault(refusal, 1)}, want: tasks.StateFailed},
		"later, throttled, then refused":         {faults: []dyplstest.Fault{fault("isv.FLOW_LIMIT", 1), fault(refusal, 1)}, want: tasks.StateFailed},
		"later, throttled, then succeeded":       {faults: []dyplstest.Fault{fault("isv.FLOW_LIMIT", 1)}, want: tasks.StateSucceeded, prolongs: true},
		"later, without an answer":               {faults: []dyplstest.Fault{lost, fault("isp.SYSTEM_ERROR", 0)}, want: tasks.StatePending, prolongs: true},
		"later, without an answer, then refused": {faults: []dyplstest.Fault{lost, fault(refusal, 1)}, want: tasks.StateFailed, prolongs: true},
		"sooner, succeeded":                      {sooner: true, want: tasks.StateSucceeded, prolongs: true},
		"sooner, refused":                        {sooner: true, faults: []dyplstest.Fault{fault(refusal, 1)}, want: tasks.StateFailed},
		"sooner, without an answer":              {sooner: true, faults: []dyplstest.Fault{lost, fault("isp.SYSTEM_ERROR", 0)}, want: tasks.StatePending},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller := &watched{leaves: func() {}}
			simulated := dyplstest.Config{Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: []dypls.Phone{owned}}}}
			s := &inventoryHarness{request: bindRequest(), workerHarness: newWorkerHarness(t, simulated, func(c *Config) { caller.Caller, c.Caller = c.Caller, caller })}
			s.numbers, s.records = inventory.New(s.redis, inventory.DefaultCooldown), record.NewStore(s.redis)
			s.stock(t)
			s.enqueue(t)
			var made dypls.Binding
			if err := json.Unmarshal(s.outcome(t, "k").Result, &made); err != nil {
				t.Fatal(err)
			}
			old, now := inventory.Until(s.request.Expiration), dypls.At(s.request.Expiration.Add(time.Hour))
			if test.sooner {
				now = dypls.At(s.request.Expiration.Add(-30 * time.Minute))
			}
			later := old
			if until := inventory.Until(now); until.After(old) {
				later = until
			}
			caller.leaves = func() { s.heldUntil(t, "while the call is out", later) }
			s.addFaults(t, test.faults)
			_, err := tasks.UpdateSubscription.Enqueue(t.Context(), s.queue, dypls.UpdateSubscriptionRequest{
				PoolKey: dyplstest.DefaultPoolKey, SubsID: made.SubsID, PhoneNoX: made.SecretNo, OperateType: dypls.UpdateExpire, Expiration: now,
			}, tasks.TaskID("update"))
			if err != nil {
				t.Fatal(err)
			}
			if test.want == tasks.StatePending {
				s.logged(t, `"code":"isp.SYSTEM_ERROR"`)
			} else if o := s.outcome(t, "update"); o.State != test.want {
				t.Errorf("the update is %s %s", o.State, o.Code)
			}
			want := old
			if test.prolongs {
				want = inventory.Until(now)
			}
			redistest.Poll(t, outcomeWithin, "the inventory to be told", func(context.Context) error {
				if until := s.until(t); !until.Equal(want) { //nolint:contextcheck // the test's
					return errors.New("it holds the number until " + until.String() + ", want " + want.String())
				}
				return nil
			})
		})
	}
}
