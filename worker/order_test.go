package worker

import (
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestOlderUpdateNeverOverwritesNewer: the first update fails at first; by the time it is tried again, the second has been
// sent, and calls must go on reaching the second's number.
func TestOlderUpdateNeverOverwritesNewer(t *testing.T) {
	t.Parallel()
	const older, newer = "13900000021", "13900000022"
	s := newSystem(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Action: "UpdateSubscription", Match: map[string]string{"PhoneNoB": older}, Code: "isv.FLOW_LIMIT", First: 4},
	}}, nil)
	s.bind(t, "bind")
	s.outcome(t, "bind")
	bound := s.simulator.Bindings()[0]
	update := func(id string, b dypls.Phone) {
		t.Helper()
		_, err := tasks.UpdateSubscription.Enqueue(t.Context(), s.queue, dypls.UpdateSubscriptionRequest{
			PoolKey: dyplstest.DefaultPoolKey, SubsID: bound.SubsID, PhoneNoX: bound.PhoneNoX, OperateType: dypls.UpdateNoB, PhoneNoB: b,
		}, tasks.TaskID(id))
		if err != nil {
			t.Fatal(err)
		}
	}
	update("older", older)
	s.logged(t, `"code":"isv.FLOW_LIMIT"`)
	update("newer", newer)
	if o := s.outcome(t, "newer"); o.State != tasks.StateSucceeded {
		t.Errorf("the newer update is %s %s", o.State, o.Code)
	}
	if o := s.outcome(t, "older"); o.State != tasks.StateFailed || o.Code != dypls.CodeCanceled {
		t.Errorf("the older update is %s %s", o.State, o.Code)
	}
	if b := s.simulator.Bindings()[0].PhoneNoB; b != newer {
		t.Errorf("calls reach %s", string(b))
	}
}
