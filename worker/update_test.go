package worker

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestOlderUpdateNeverOverwritesNewer: the first update fails at first; by the time it is tried
// again, the second has been sent, and calls must go on reaching the second's number.
func TestOlderUpdateNeverOverwritesNewer(t *testing.T) {
	t.Parallel()
	olderUpdateLoses(t, 4, false)
}

// TestUpdateEnqueuedAgainIsNoNewer: a key that is enqueued again, because its producer was
// restarted, keeps its place.
func TestUpdateEnqueuedAgainIsNoNewer(t *testing.T) {
	t.Parallel()
	olderUpdateLoses(t, 4, true)
}

// olderUpdateLoses enqueues two updates of one binding, and with again the first once more. The
// first fails at first; by the time it is tried again, the second has been sent.
func olderUpdateLoses(t *testing.T, failures int, again bool) {
	t.Helper()
	const older, newer = "13900000021", "13900000022"
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Action: "UpdateSubscription", Match: map[string]string{"PhoneNoB": older}, Code: "isv.FLOW_LIMIT", First: failures},
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
	if again {
		update("older", older)
	}
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

// TestLaterUpdateWins: two updates of one binding, enqueued one right after the other or in one
// batch, again and again. Calls reach the later one's number, and neither waits until the other's
// claim lapses.
func TestLaterUpdateWins(t *testing.T) {
	t.Parallel()
	for name, batch := range map[string]bool{"one after the other": false, "in one batch": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			laterUpdateWins(t, batch)
		})
	}
}

func laterUpdateWins(t *testing.T, batch bool) {
	t.Helper()
	const rounds = 25
	timing := quick
	timing.claimLease = 10 * outcomeWithin
	s := newTimedWorkerHarness(t, timing, dyplstest.Config{Faults: []dyplstest.Fault{
		{Action: "UpdateSubscription", Code: "isp.SYSTEM_ERROR", Rate: 0.05, First: 1},
		{Action: "UpdateSubscription", Do: dyplstest.Slow, Delay: 400 * time.Millisecond, Performed: true, Rate: 0.2},
	}}, nil)
	s.bind(t, "bind")
	s.outcome(t, "bind")
	bound := s.simulator.Bindings()[0]
	for round := range rounds {
		older, newer := dypls.Phone(strconv.Itoa(13900000100+2*round)), dypls.Phone(strconv.Itoa(13900000101+2*round))
		var items []tasks.Item[dypls.UpdateSubscriptionRequest]
		var ids []string
		for _, b := range []dypls.Phone{older, newer} {
			ids = append(ids, "k"+string(b[7:]))
			items = append(items, tasks.Item[dypls.UpdateSubscriptionRequest]{Options: []tasks.Option{tasks.TaskID(ids[len(ids)-1])}, Request: dypls.UpdateSubscriptionRequest{
				PoolKey: dyplstest.DefaultPoolKey, SubsID: bound.SubsID, PhoneNoX: bound.PhoneNoX, OperateType: dypls.UpdateNoB, PhoneNoB: b,
			}})
		}
		for each := range slices.Chunk(items, 1+bit(batch)) {
			if _, err := tasks.UpdateSubscription.EnqueueAll(t.Context(), s.queue, each); err != nil {
				t.Fatal(err)
			}
		}
		first, second := s.outcome(t, ids[0]), s.outcome(t, ids[1])
		if first.State != tasks.StateSucceeded && first.Code != dypls.CodeCanceled || second.State != tasks.StateSucceeded {
			t.Errorf("round %d: %s %s, then %s %s", round, first.State, first.Code, second.State, second.Code)
		}
		if b := s.simulator.Bindings()[0].PhoneNoB; b != newer {
			t.Errorf("round %d: calls reach the older number", round)
		}
	}
}
