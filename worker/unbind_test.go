package worker

import (
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestUnbind: what is to be gone and is gone is no failure, whoever removed it; what is still listed is.
func TestUnbind(t *testing.T) {
	t.Parallel()
	const unbind = "UnbindSubscription"
	legacy := dyplstest.Fault{Action: unbind, Code: "isv.ILLEGAL_ARGUMENT", Message: "subs not exist"}
	tests := map[string]struct {
		fault dyplstest.Fault
		gone  bool // before the task is enqueued
		want  told
		left  int
	}{
		"answered":                {want: told{tasks.StateSucceeded, "OK", 1, 1, 0}},
		"answer lost":             {dyplstest.Fault{Action: unbind, Do: dyplstest.DropAfter, Times: 1}, false, told{tasks.StateSucceeded, "OK", 2, 1, 0}, 0},
		"request lost":            {dyplstest.Fault{Action: unbind, Do: dyplstest.DropBefore, Times: 1}, false, told{tasks.StateSucceeded, "OK", 2, 1, 0}, 0},
		"error after the effect":  {dyplstest.Fault{Action: unbind, Do: dyplstest.AnswerCodeAfter, Code: "isp.SYSTEM_ERROR", Times: 1}, false, told{tasks.StateSucceeded, "OK", 2, 1, 0}, 0},
		"gone before":             {gone: true, want: told{tasks.StateSucceeded, "OK", 1, 0, 1}},
		"gone, answer lost":       {dyplstest.Fault{Action: unbind, Do: dyplstest.DropAfter, Times: 1}, true, told{tasks.StateSucceeded, "OK", 2, 0, 0}, 0},
		"listed":                  {dyplstest.Fault{Action: unbind, Code: "isv.SUBS_NOT_EXIST"}, false, told{tasks.StateFailed, "isv.SUBS_NOT_EXIST", 1, 0, 2}, 1},
		"listed, in old words":    {legacy, false, told{tasks.StateFailed, "isv.ILLEGAL_ARGUMENT", 1, 0, 2}, 1},
		"another illegal word":    {dyplstest.Fault{Action: unbind, Code: "isv.ILLEGAL_ARGUMENT"}, false, told{tasks.StateFailed, "isv.ILLEGAL_ARGUMENT", 1, 0, 0}, 1},
		"never answered":          {dyplstest.Fault{Action: unbind, Do: dyplstest.DropBefore}, false, told{tasks.StateFailed, dypls.CodeNoAnswer, 2, 0, 0}, 1},
		"X of another, not there": {dyplstest.Fault{Action: unbind, Code: "isv.FORBIDDEN_ACTION"}, false, told{tasks.StateFailed, "isv.FORBIDDEN_ACTION", 1, 0, 0}, 1},
	}
	for name, test := range tests {
		for _, old := range []bool{false, true} {
			if old && test.want.state == tasks.StateFailed {
				continue // answered by a fault, in words of its own
			}
			t.Run(map[bool]string{true: "2019, "}[old]+name, func(t *testing.T) {
				t.Parallel()
				s := newSystem(t, dyplstest.Config{LegacyUnbind: old}, func(c *Config) { c.MaxAttempts = 2 })
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
				id, err := tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, request)
				if err != nil {
					t.Fatal(err)
				}
				s.told(t, id, test.want)
				if left := s.simulator.Bindings(); len(left) != test.left {
					t.Errorf("%d bindings are left, want %d", len(left), test.left)
				}
			})
		}
	}
}

// TestUpdateIsRepeated: an update sets a state, so one whose answer was lost is sent again.
func TestUpdateIsRepeated(t *testing.T) {
	t.Parallel()
	for _, do := range []dyplstest.FaultKind{dyplstest.DropBefore, dyplstest.DropAfter} {
		t.Run(string(do), func(t *testing.T) {
			t.Parallel()
			short := timing{claimLease: time.Second}
			s := newTimedSystem(t, short, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "UpdateSubscription", Do: do, Times: 1}}}, nil)
			id, err := tasks.UpdateSubscription.Enqueue(t.Context(), s.queue, dypls.UpdateSubscriptionRequest{
				PoolKey: dyplstest.DefaultPoolKey, SubsID: s.occupy(t), PhoneNoX: x, OperateType: dypls.UpdateNoA, PhoneNoA: "13900000055",
			})
			if err != nil {
				t.Fatal(err)
			}
			performed := map[dyplstest.FaultKind]int{dyplstest.DropBefore: 1, dyplstest.DropAfter: 2}[do]
			s.told(t, id, told{tasks.StateSucceeded, "OK", 2, performed, 0})
			if bound := s.simulator.Bindings(); len(bound) != 1 || bound[0].PhoneNoA != "13900000055" {
				t.Errorf("bound are %d, with another A", len(bound))
			}
		})
	}
}
