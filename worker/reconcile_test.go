package worker

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestDecideLook holds the meaning of a look against its table.
func TestDecideLook(t *testing.T) {
	t.Parallel()
	recently, longAgo := time.Now().Add(-time.Minute), time.Now().Add(-25*time.Hour)
	failed := &dypls.Error{Action: "QuerySubsId", Class: dypls.Throttled, Code: "isv.FLOW_LIMIT", RetryAfter: 40 * time.Second}
	tests := map[string]struct {
		begun   record.Begun
		finding dypls.Finding
		err     error
		policy  OnUncertain
		state   record.State
		code    string
		doubt   record.Doubt
		suspect bool
		delay   time.Duration
	}{
		"found":                      {finding: dypls.Found, state: record.Succeeded, code: "OK"},
		"found, on the last attempt": {begun: record.Begun{Attempt: 6, Looks: 1, Refusal: "isv.BIND_CONFLICT"}, finding: dypls.Found, state: record.Succeeded, code: "OK"},
		"absent, once":               {finding: dypls.Absent, state: record.Waiting, doubt: record.DoubtAbsent, delay: time.Minute},
		"absent, twice":              {begun: record.Begun{Looks: 1}, finding: dypls.Absent, state: record.Waiting, doubt: record.DoubtCleared},
		"absent, no attempt left":    {begun: record.Begun{Looks: 1, Attempt: 6}, finding: dypls.Absent, state: record.Failed},
		"absent, past the deadline":  {begun: record.Begun{Looks: 1, Deadline: recently}, finding: dypls.Absent, state: record.Failed, code: dypls.CodeExpired},
		"absent, refused":            {begun: record.Begun{Looks: 1, Refusal: "isv.BIND_CONFLICT"}, finding: dypls.Absent, state: record.Failed, code: "isv.BIND_CONFLICT"},
		"absent once, refused":       {begun: record.Begun{Refusal: "isv.BIND_CONFLICT"}, finding: dypls.Absent, state: record.Waiting, doubt: record.DoubtAbsent, delay: time.Minute},
		"unknowable, hold":           {finding: dypls.Unknowable, policy: UncertainHold, state: record.Uncertain},
		"unknowable, retry":          {finding: dypls.Unknowable, policy: UncertainRetry, state: record.Waiting, doubt: record.DoubtCleared, suspect: true},
		"unknowable, retried":        {begun: record.Begun{Suspect: true}, finding: dypls.Unknowable, policy: UncertainRetry, state: record.Uncertain},
		"unknowable, out of time":    {begun: record.Begun{Refusal: dypls.CodeExpired}, finding: dypls.Unknowable, state: record.Failed, code: dypls.CodeExpired},
		"suspect, out of time":       {begun: record.Begun{Suspect: true, Refusal: dypls.CodeExpired}, finding: dypls.Unknowable, policy: UncertainRetry, state: record.Uncertain},
		"failed":                     {begun: record.Begun{Looks: 1, Attempt: 6, Deadline: recently}, err: failed, state: record.Waiting, doubt: record.DoubtKept, delay: 40 * time.Second},
		"failed for a day":           {begun: record.Begun{Since: longAgo}, err: failed, state: record.Uncertain},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &Worker{config: Config{OnUncertain: test.policy}, timing: timing{verifyAgainAfter: time.Minute}}
			if test.begun.Since.IsZero() {
				test.begun.Since = recently
			}
			if test.code == "" {
				test.code = dypls.CodeNoAnswer
			}
			v := w.decideReconciled(kind{attempts: 6}, test.begun, test.finding, test.err)
			if v.state != test.state || v.code != test.code || v.doubt != test.doubt || v.suspect != test.suspect ||
				v.delay < test.delay || v.delay > 2*test.delay { // it grows with the time since the first call
				t.Errorf("%s %s, doubt %q, suspect %t, after %s", v.state, v.code, v.doubt, v.suspect, v.delay)
			}
			if v.message == "" || !v.counts || !v.sent {
				t.Errorf("a look changes no count, and says what it means: %+v", v)
			}
		})
	}
}

// TestLooksThatFail: nothing is known then; it is looked again until it works, and no attempt is
// used up.
func TestLooksThatFail(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Action: "BindAxn", Do: dyplstest.DropAfter, Times: 1},
		{Action: "QuerySubsId", Code: "isv.FLOW_LIMIT", Times: 1},
		{Action: "QuerySubsId", Do: dyplstest.Garbage, Times: 1},
		{Action: "QuerySubscriptionDetail", Do: dyplstest.DropBefore, Times: 1},
		{Action: "QuerySubscriptionDetail", Do: dyplstest.Body, Body: `{"Code":"OK"}`, Times: 1},
	}}, func(c *Config) { c.MaxAttempts = 1 })
	s.bindNamed(t)
	o := s.expectOutcome(t, "k", wantOutcome{tasks.StateSucceeded, "OK", 1, 1, 5})
	if o.Attempts != 1 || len(s.bindings(t, o)) != 1 {
		t.Errorf("%d attempts", o.Attempts)
	}
}

// TestLaggingList: the API shows what it did only after a while. What two looks do not see, the
// conflict of the next call tells, and makes it look again: it is bound once.
func TestLaggingList(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		shownAfter string // the action whose calls make the list catch up
		count      int
		calls      int
	}{"seen by the second look": {"QuerySubsId", 1, 1}, "seen by none of both": {"BindAxn", 2, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const lag = 10 * time.Minute
			var passed atomic.Int64
			slow := timing{claimLease: claimLease, reconcileAfter: 100 * time.Millisecond, verifyAgainAfter: 3 * time.Second}
			s := newTimedWorkerHarness(t, slow, dyplstest.Config{
				Now:       func() time.Time { return time.Now().Add(time.Duration(passed.Load())) },
				ListDelay: lag, Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.DropAfter, Times: 1}},
			}, nil)
			s.bindNamed(t)
			redistest.Poll(t, outcomeWithin, "the calls before the list catches up", func(context.Context) error {
				if s.calls(test.shownAfter) < test.count {
					return errors.New("not yet")
				}
				return nil
			})
			passed.Store(int64(lag))
			o := s.expectOutcome(t, "k", wantOutcome{tasks.StateSucceeded, "OK", test.calls, 1, -1})
			if len(s.bindings(t, o)) != 1 {
				t.Error("more than one binding")
			}
		})
	}
}

// TestPanicWhileLooking: asynq would put what it says where everybody reads it.
func TestPanicWhileLooking(t *testing.T) {
	t.Parallel()
	s := newWorkerHarness(t, dyplstest.Config{Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.DropAfter, Times: 1}}}, func(c *Config) {
		c.Caller = &panicsOnce{Caller: c.Caller, action: "QuerySubsId"}
	})
	inspector := asynq.NewInspectorFromRedisClient(s.redis)
	s.bindNamed(t)
	s.logged(t, `"message":"panic"`)
	s.logged(t, `"message":"look"`)
	if info, err := inspector.GetTaskInfo("bind", "k.1"); err == nil && strings.Contains(info.LastErr, "13900000001") {
		t.Errorf("the dashboard shows %q", info.LastErr)
	}
	s.expectOutcome(t, "k", wantOutcome{tasks.StateSucceeded, "OK", 1, 1, 1})
	if strings.Contains(s.log.String(), "13900000001") {
		t.Error("the log repeats what the panic said")
	}
}

// panicsOnce fails as a programming error does, the first time that an action is called.
type panicsOnce struct {
	dypls.Caller

	action string
	done   atomic.Bool
}

// Call implements [dypls.Caller].
func (c *panicsOnce) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	if call.Action == c.action && c.done.CompareAndSwap(false, true) {
		panic("13900000001 is in this panic")
	}
	return c.Caller.Call(ctx, call)
}
