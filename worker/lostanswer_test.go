package worker

import (
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestLostAnswerIsLookedFor: the answer is lost after the bind took effect; it is found, and not
// made again.
func TestLostAnswerIsLookedFor(t *testing.T) {
	t.Parallel()
	expiration := dypls.At(time.Now().Add(time.Hour))
	pool, a := dyplstest.DefaultPoolKey, dypls.Phone("13900000001")
	tests := map[string]func(*testing.T, *tasks.Queue) (string, error){
		"BindAxn": func(t *testing.T, q *tasks.Queue) (string, error) {
			t.Helper()
			return queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), q, named()))
		},
		"BindAxb": func(t *testing.T, q *tasks.Queue) (string, error) {
			t.Helper()
			return queuetest.ID(tasks.BindAXB.Enqueue(t.Context(), q, dypls.BindAXBRequest{PoolKey: pool, PhoneNoA: a, PhoneNoB: "13900000002", PhoneNoX: x, Expiration: expiration}))
		},
		"BindAxnExtension": func(t *testing.T, q *tasks.Queue) (string, error) {
			t.Helper()
			return queuetest.ID(tasks.BindAXNExtension.Enqueue(t.Context(), q, dypls.BindAXNExtensionRequest{PoolKey: pool, PhoneNoA: a, PhoneNoX: x, Extension: "123", Expiration: expiration}))
		},
		"BindAxg": func(t *testing.T, q *tasks.Queue) (string, error) {
			t.Helper()
			return queuetest.ID(tasks.BindAXG.Enqueue(t.Context(), q, dypls.BindAXGRequest{PoolKey: pool, PhoneNoA: a, PhoneNoX: x, GroupID: "7", Expiration: expiration}))
		},
	}
	for action, enqueue := range tests {
		for _, do := range []dyplstest.FaultKind{dyplstest.DropAfter, dyplstest.Garbage} {
			if do != dyplstest.DropAfter && action != "BindAxn" {
				continue // what is no answer is the same for all
			}
			t.Run(action+" "+string(do), func(t *testing.T) {
				t.Parallel()
				s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: action, Do: do, Times: 1}}}, nil)
				id, err := enqueue(t, s.queue)
				if err != nil {
					t.Fatal(err)
				}
				o := s.expectOutcome(t, id, wantOutcome{tasks.StateSucceeded, "OK", 1, 1, 1})
				if o.Action != action || o.Attempts != 1 || len(s.bindings(t, o)) != 1 {
					t.Errorf("%s after %d attempts", o.Action, o.Attempts)
				}
			})
		}
	}
}

// TestLostRequestIsSentAgain: the call never took effect; two looks say so before it is made again.
func TestLostRequestIsSentAgain(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.DropBefore, Times: 1}}}, nil)
	s.bindNamed(t)
	o := s.expectOutcome(t, "k", wantOutcome{tasks.StateSucceeded, "OK", 2, 1, 2})
	if o.Attempts != 2 || len(s.bindings(t, o)) != 1 {
		t.Errorf("%d attempts; a look uses up none", o.Attempts)
	}
}

// TestLostRequestsUseUpAttempts: no call is ever answered, and none takes effect: the task fails,
// and is not uncertain.
func TestLostRequestsUseUpAttempts(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.DropBefore}}}, func(c *Config) { c.MaxAttempts = 2 })
	s.bindNamed(t)
	if o := s.expectOutcome(t, "k", wantOutcome{tasks.StateFailed, dypls.CodeNoAnswer, 2, 0, 4}); o.Class != dypls.Unavailable {
		t.Errorf("class %s", o.Class)
	}
}

// TestLooksGoOnPastTheDeadline: no call starts after it; what an earlier one did is still found
// out.
func TestLooksGoOnPastTheDeadline(t *testing.T) {
	t.Parallel()
	for do, want := range map[dyplstest.FaultKind]wantOutcome{
		dyplstest.DropAfter:  {tasks.StateSucceeded, "OK", 1, 1, 1},
		dyplstest.DropBefore: {tasks.StateFailed, dypls.CodeExpired, 1, 0, 2},
	} {
		t.Run(string(do), func(t *testing.T) {
			t.Parallel()
			slow := timing{claimLease: claimLease, reconcileAfter: 2 * time.Second, verifyAgainAfter: 2 * time.Second}
			s := newTimedWorkerHarness(t, slow, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "BindAxn", Do: do}}}, nil)
			s.bindNamed(t)
			s.endTime(t, "k", 1)
			s.expectOutcome(t, "k", want)
		})
	}
}

// TestLostAnswerThatCannotBeFound: the platform chose X, and no query finds it.
func TestLostAnswerThatCannotBeFound(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		policy  OnUncertain
		do      dyplstest.FaultKind
		times   int
		want    wantOutcome
		suspect string
	}{
		"hold, performed":           {UncertainHold, dyplstest.DropAfter, 1, wantOutcome{tasks.StateUncertain, dypls.CodeNoAnswer, 1, 1, 0}, ""},
		"hold, not performed":       {UncertainHold, dyplstest.DropBefore, 1, wantOutcome{tasks.StateUncertain, dypls.CodeNoAnswer, 1, 0, 0}, ""},
		"retry, answered then":      {UncertainRetry, dyplstest.DropBefore, 1, wantOutcome{tasks.StateSucceeded, "OK", 2, 1, 0}, "1"},
		"retry, a second number":    {UncertainRetry, dyplstest.DropAfter, 1, wantOutcome{tasks.StateSucceeded, "OK", 2, 2, 0}, "1"},
		"retry, lost a second time": {UncertainRetry, dyplstest.DropAfter, 0, wantOutcome{tasks.StateUncertain, dypls.CodeNoAnswer, 2, 2, 0}, "1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fault := dyplstest.Fault{Action: "BindAxn", Do: test.do, Times: test.times}
			s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{fault}}, func(c *Config) { c.OnUncertain = test.policy })
			s.bind(t, "k")
			s.expectOutcome(t, "k", test.want)
			if got := s.field(t, "k", "suspect"); got != test.suspect {
				t.Errorf("suspect %q, want %q", got, test.suspect)
			}
			if ttl := s.redis.PTTL(t.Context(), "dypls:{k}").Val(); (ttl == -1) != (test.want.state == tasks.StateUncertain) {
				t.Errorf("%s is kept for %s", test.want.state, ttl)
			}
		})
	}
}

// TestSuspectNeverFails: where a lost call may have used up a number, the second one's refusal, or
// the end of the task's time, is no proof that nothing was bound.
func TestSuspectNeverFails(t *testing.T) {
	t.Parallel()
	lost := dyplstest.Fault{Action: "BindAxn", Do: dyplstest.DropAfter, Times: 1}
	retry := func(c *Config) { c.OnUncertain = UncertainRetry }
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{lost, {Action: "BindAxn", Code: "isv.NO_AVAILABLE_NUMBER"}}}, retry)
		s.bind(t, "k")
		s.expectOutcome(t, "k", wantOutcome{tasks.StateUncertain, "isv.NO_AVAILABLE_NUMBER", 2, 1, 0})
	})
	t.Run("out of time", func(t *testing.T) {
		t.Parallel()
		slow := timing{claimLease: claimLease, reconcileAfter: 6 * time.Second, verifyAgainAfter: time.Second}
		s := newTimedWorkerHarness(t, slow, dyplstest.Config{Faults: []dyplstest.Fault{lost}}, retry)
		s.bind(t, "k")
		s.endTime(t, "k", 1)
		s.expectOutcome(t, "k", wantOutcome{tasks.StateUncertain, dypls.CodeNoAnswer, 1, 1, 0})
	})
}
