package worker

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/reaper"
)

// TestUnbindSucceedsOnlyWhereItRemoved: a refusal as not there is a success after an own unanswered
// attempt alone; otherwise it is what it says.
func TestUnbindSucceedsOnlyWhereItRemoved(t *testing.T) {
	t.Parallel()
	const unbind = "UnbindSubscription"
	legacy := dyplstest.Fault{Action: unbind, Code: "isv.ILLEGAL_ARGUMENT", Message: "subs not exist"}
	tests := map[string]struct {
		fault dyplstest.Fault
		gone  bool // before the task is enqueued
		want  wantOutcome
		left  int
	}{
		"answered":                {want: wantOutcome{tasks.StateSucceeded, "OK", 1, 1, 0}},
		"answer lost":             {dyplstest.Fault{Action: unbind, Do: dyplstest.DropAfter, Times: 1}, false, wantOutcome{tasks.StateSucceeded, "OK", 2, 1, 0}, 0},
		"request lost":            {dyplstest.Fault{Action: unbind, Do: dyplstest.DropBefore, Times: 1}, false, wantOutcome{tasks.StateSucceeded, "OK", 2, 1, 0}, 0},
		"error after the effect":  {dyplstest.Fault{Action: unbind, Do: dyplstest.AnswerCodeAfter, Code: "isp.SYSTEM_ERROR", Times: 1}, false, wantOutcome{tasks.StateSucceeded, "OK", 2, 1, 0}, 0},
		"never was":               {gone: true, want: wantOutcome{tasks.StateFailed, "isv.SUBS_NOT_EXIST", 1, 0, 1}},
		"gone, answer lost":       {dyplstest.Fault{Action: unbind, Do: dyplstest.DropAfter, Times: 1}, true, wantOutcome{tasks.StateSucceeded, "OK", 2, 0, 0}, 0},
		"listed":                  {dyplstest.Fault{Action: unbind, Code: "isv.SUBS_NOT_EXIST"}, false, wantOutcome{tasks.StateFailed, "isv.SUBS_NOT_EXIST", 1, 0, 2}, 1},
		"listed, in old words":    {legacy, false, wantOutcome{tasks.StateFailed, "isv.ILLEGAL_ARGUMENT", 1, 0, 2}, 1},
		"another illegal word":    {dyplstest.Fault{Action: unbind, Code: "isv.ILLEGAL_ARGUMENT"}, false, wantOutcome{tasks.StateFailed, "isv.ILLEGAL_ARGUMENT", 1, 0, 0}, 1},
		"never answered":          {dyplstest.Fault{Action: unbind, Do: dyplstest.DropBefore}, false, wantOutcome{tasks.StateFailed, dypls.CodeNoAnswer, 2, 0, 0}, 1},
		"X of another, not there": {dyplstest.Fault{Action: unbind, Code: "isv.FORBIDDEN_ACTION"}, false, wantOutcome{tasks.StateFailed, "isv.FORBIDDEN_ACTION", 1, 0, 0}, 1},
	}
	for name, test := range tests {
		for _, old := range []bool{false, true} {
			if old && test.want.state == tasks.StateFailed {
				continue // answered by a fault, in words of its own
			}
			t.Run(map[bool]string{true: "2019, "}[old]+name, func(t *testing.T) {
				t.Parallel()
				s := newWorkerHarness(t, dyplstest.Config{LegacyUnbind: old}, func(c *Config) { c.MaxAttempts = 2 })
				request := dypls.UnbindSubscriptionRequest{PoolKey: dyplstest.DefaultPoolKey, SubsID: s.occupy(t), SecretNo: x}
				if test.gone {
					request.SubsID = "1" + request.SubsID[:len(request.SubsID)-1]
					test.left = 1
				}
				if test.fault.Action != "" {
					if err := s.simulator.AddFault(test.fault); err != nil {
						t.Fatal(err)
					}
				}
				id, err := queuetest.ID(tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, request))
				if err != nil {
					t.Fatal(err)
				}
				s.expectOutcome(t, id, test.want)
				if left := s.simulator.Bindings(); len(left) != test.left {
					t.Errorf("%d bindings are left, want %d", len(left), test.left)
				}
			})
		}
	}
}

// TestUnbindOfAPairThatIsNone: the API answers "no such binding" for a SubsId on another X, and for
// one that is nobody's. Neither has been removed, so neither is told to be: above all not the
// binding that goes on connecting people.
func TestUnbindOfAPairThatIsNone(t *testing.T) {
	t.Parallel()
	const otherX = "17000000008"
	for name, pair := range map[string]func(subsID string) (string, dypls.Phone){
		"another X of the pool": func(id string) (string, dypls.Phone) { return id, otherX },
		"a wrong digit":         func(id string) (string, dypls.Phone) { return id[:len(id)-1] + string('0'+(id[len(id)-1]-'0'+1)%10), x },
		"zero":                  func(string) (string, dypls.Phone) { return "0", x },
		"a leading zero":        func(id string) (string, dypls.Phone) { return "0" + id, x },
	} {
		for _, old := range []bool{false, true} {
			t.Run(map[bool]string{true: "2019, "}[old]+name, func(t *testing.T) {
				t.Parallel()
				s := newWorkerHarness(t, dyplstest.Config{LegacyUnbind: old}, nil)
				made := s.occupy(t)
				before := s.simulator.Bindings()
				subsID, on := pair(made)
				id, err := queuetest.ID(tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, dypls.UnbindSubscriptionRequest{
					PoolKey: dyplstest.DefaultPoolKey, SubsID: subsID, SecretNo: on,
				}))
				if err != nil {
					t.Fatal(err)
				}
				o := s.outcome(t, id)
				code := map[bool]string{false: "isv.SUBS_NOT_EXIST", true: "isv.ILLEGAL_ARGUMENT"}[old]
				if o.State != tasks.StateFailed || o.Class != dypls.Rejected || o.Code != code || o.Message != nothingRemoved {
					t.Errorf("%+v", o)
				}
				if diff := cmp.Diff(before, s.simulator.Bindings()); diff != "" || s.performed("UnbindSubscription") != 0 {
					t.Errorf("the binding (-before +after):\n%s", diff)
				}
			})
		}
	}
}

// TestUnbindOfWhatIsOver: the API shows that SubsId and X belong together, and that the binding is
// over.
func TestUnbindOfWhatIsOver(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	s := newWorkerHarness(t, dyplstest.Config{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}, nil)
	made, err := dypls.BindAXN.Call(t.Context(), s.caller, dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "13900000099", PhoneNoX: x, Expiration: dypls.At(time.Now().Add(2 * time.Minute)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ahead.Store(int64(3 * time.Minute))
	id, err := queuetest.ID(tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, dypls.UnbindSubscriptionRequest{
		PoolKey: dyplstest.DefaultPoolKey, SubsID: made.SubsID, SecretNo: x,
	}))
	if err != nil {
		t.Fatal(err)
	}
	if o := s.expectOutcome(t, id, wantOutcome{tasks.StateSucceeded, "OK", 1, 0, 1}); strings.Contains(o.Message, "earlier call") {
		t.Errorf("it is told that %s", o.Message)
	}
}

// TestUnbindOfWhatWasMadeAndRemoved: what the API answered to a bind shows that SubsId and X belong
// together. That the API does not know the pair any more means then that it is gone.
func TestUnbindOfWhatWasMadeAndRemoved(t *testing.T) {
	t.Parallel()
	removed := func(t *testing.T, s *workerHarness) dypls.UnbindSubscriptionRequest {
		t.Helper()
		s.bindNamed(t)
		s.outcome(t, "k")
		b := s.simulator.Bindings()[0]
		request := dypls.UnbindSubscriptionRequest{PoolKey: b.PoolKey, SubsID: b.SubsID, SecretNo: b.PhoneNoX}
		// past us
		if _, err := dypls.UnbindSubscription.Call(t.Context(), s.caller, request); err != nil {
			t.Fatal(err)
		}
		return request
	}
	for name, test := range map[string]struct {
		fault   dyplstest.Fault
		unbind  func(t *testing.T, s *workerHarness, request dypls.UnbindSubscriptionRequest) string
		want    tasks.State
		stocked bool
	}{
		"its bind's task is named": {unbind: func(t *testing.T, s *workerHarness, _ dypls.UnbindSubscriptionRequest) string {
			t.Helper()
			return s.unbindTask(t, "k")
		}, want: tasks.StateSucceeded},
		"its bind's task is named, and forgotten after a first try": {
			fault: dyplstest.Fault{Action: "UnbindSubscription", Code: "isv.FLOW_LIMIT", Times: 1},
			unbind: func(t *testing.T, s *workerHarness, _ dypls.UnbindSubscriptionRequest) string {
				t.Helper()
				id := s.unbindTask(t, "k")
				s.logged(t, "isv.FLOW_LIMIT")
				s.redis.Del(t.Context(), record.Key("k"))
				return id
			}, want: tasks.StateSucceeded,
		},
		"it is a surplus": {unbind: func(t *testing.T, s *workerHarness, request dypls.UnbindSubscriptionRequest) string {
			t.Helper()
			id, err := queuetest.ID(tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, request, tasks.TaskID(reaper.SurplusTask("", request.SubsID))))
			if err != nil {
				t.Fatal(err)
			}
			return id
		}, want: tasks.StateSucceeded},
		"its number is of an inventory": {stocked: true, unbind: unbindPlainly, want: tasks.StateSucceeded},
		"nothing is known of it":        {unbind: unbindPlainly, want: tasks.StateFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newWorkerHarness(t, dyplstest.Config{}, nil)
			v := inventory.New(s.redis, inventory.DefaultCooldown)
			if test.stocked {
				if _, err := v.Import(t.Context(), dyplstest.DefaultPoolKey, []inventory.Number{{X: x}}); err != nil {
					t.Fatal(err)
				}
			}
			request := removed(t, s)
			if test.fault.Action != "" {
				if err := s.simulator.AddFault(test.fault); err != nil {
					t.Fatal(err)
				}
			}
			if o := s.outcome(t, test.unbind(t, s, request)); o.State != test.want {
				t.Errorf("%+v", o)
			}
			if stock, err := v.Counts(t.Context(), dyplstest.DefaultPoolKey); test.stocked && (err != nil || stock.Resting != 1) {
				t.Errorf("the inventory has %+v, %v; want its number at rest", stock.Counts, err)
			}
		})
	}
}

func unbindPlainly(t *testing.T, s *workerHarness, request dypls.UnbindSubscriptionRequest) string {
	t.Helper()
	id, err := queuetest.ID(tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, request))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestUpdateIsRepeated: an update sets a state, so one whose answer was lost is sent again.
func TestUpdateIsRepeated(t *testing.T) {
	t.Parallel()
	for _, do := range []dyplstest.FaultKind{dyplstest.DropBefore, dyplstest.DropAfter} {
		t.Run(string(do), func(t *testing.T) {
			t.Parallel()
			short := timing{claimLease: time.Second}
			s := newTimedWorkerHarness(t, short, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "UpdateSubscription", Do: do, Times: 1}}}, nil)
			id, err := queuetest.ID(tasks.UpdateSubscription.Enqueue(t.Context(), s.queue, dypls.UpdateSubscriptionRequest{
				PoolKey: dyplstest.DefaultPoolKey, SubsID: s.occupy(t), PhoneNoX: x, OperateType: dypls.UpdateNoA, PhoneNoA: "13900000055",
			}))
			if err != nil {
				t.Fatal(err)
			}
			performed := map[dyplstest.FaultKind]int{dyplstest.DropBefore: 1, dyplstest.DropAfter: 2}[do]
			s.expectOutcome(t, id, wantOutcome{tasks.StateSucceeded, "OK", 2, performed, 0})
			if bound := s.simulator.Bindings(); len(bound) != 1 || bound[0].PhoneNoA != "13900000055" {
				t.Errorf("bound are %d, with another A", len(bound))
			}
		})
	}
}
