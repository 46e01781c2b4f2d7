package worker

import (
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestErrorAfterTheEffect: the API says no, but did it. Whatever the next call brings, the first
// binding is found, and told.
func TestErrorAfterTheEffect(t *testing.T) {
	t.Parallel()
	after := dyplstest.Fault{Action: "BindAxn", Do: dyplstest.AnswerCodeAfter, Code: "isp.SYSTEM_ERROR", Times: 1}
	tests := map[string]struct {
		then     []dyplstest.Fault
		attempts int
		ends     bool // its time is over once its calls are made
		calls    int
	}{
		"conflict":            {calls: 2},
		"no attempt is left":  {attempts: 1, calls: 1},
		"another refusal":     {then: []dyplstest.Fault{{Action: "BindAxn", Code: "isv.ILLEGAL_ARGUMENT"}}, calls: 2},
		"no number available": {then: []dyplstest.Fault{{Action: "BindAxn", Code: "isv.NO_AVAILABLE_NUMBER"}}, calls: 2},
		"out of time":         {then: []dyplstest.Fault{{Action: "BindAxn", Code: "isv.OUT_OF_SERVICE"}}, ends: true, calls: 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults := append([]dyplstest.Fault{after}, test.then...)
			s := newWorkerHarness(t, dyplstest.Config{Faults: faults}, func(c *Config) { c.MaxAttempts = test.attempts })
			s.bindNamed(t)
			if test.ends {
				s.endTime(t, "k", test.calls)
			}
			o := s.expectOutcome(t, "k", wantOutcome{tasks.StateSucceeded, "OK", test.calls, 1, 1})
			if len(s.bindings(t, o)) != 1 {
				t.Error("more than one binding")
			}
		})
	}
}

// TestGenuineConflict: X serves somebody else. On the first call that is final; after a call that
// may have run it is looked into, and final then.
func TestGenuineConflict(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		faults []dyplstest.Fault
		want   wantOutcome
	}{
		"first call": {nil, wantOutcome{tasks.StateFailed, "isv.BIND_CONFLICT", 1, 0, 0}},
		"after a system error": {
			[]dyplstest.Fault{{Action: "BindAxn", Code: "isp.SYSTEM_ERROR", Times: 1}}, wantOutcome{tasks.StateFailed, "isv.BIND_CONFLICT", 2, 0, 2},
		},
		"after a lost request": {
			[]dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.DropBefore, Times: 1}}, wantOutcome{tasks.StateFailed, "isv.BIND_CONFLICT", 2, 0, 4},
		},
		"after one that was throttled": {
			[]dyplstest.Fault{{Action: "BindAxn", Code: "isv.FLOW_LIMIT", Times: 1}}, wantOutcome{tasks.StateFailed, "isv.BIND_CONFLICT", 2, 0, 0},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newWorkerHarness(t, dyplstest.Config{}, nil)
			stranger := s.occupy(t)
			for _, fault := range test.faults {
				if err := s.simulator.AddFault(fault); err != nil {
					t.Fatal(err)
				}
			}
			s.bindNamed(t)
			if o := s.expectOutcome(t, "k", test.want); o.Class != "Rejected" || len(o.Result) != 0 {
				t.Errorf("%s %s", o.Class, o.Result)
			}
			if left := s.simulator.Bindings(); len(left) != 1 || left[0].SubsID != stranger {
				t.Errorf("bound are %v, want only the stranger's", left)
			}
		})
	}
}

// TestSystemErrorsOfANamedBind: none of the calls took effect; that is looked into before the owner
// is told.
func TestSystemErrorsOfANamedBind(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "BindAxn", Code: "isp.SYSTEM_ERROR"}}}, func(c *Config) { c.MaxAttempts = 2 })
	s.bindNamed(t)
	if o := s.expectOutcome(t, "k", wantOutcome{tasks.StateFailed, "isp.SYSTEM_ERROR", 2, 0, 2}); o.Class != "Unavailable" || o.Attempts != 2 {
		t.Errorf("%s after %d attempts", o.Class, o.Attempts)
	}
}
