package worker

import (
	"errors"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// TestDecide holds the policy on failures against its table: class -> record and queue.
func TestDecide(t *testing.T) {
	t.Parallel()
	failure := func(class dypls.Class, code string) error { return &dypls.Error{Class: class, Code: code} }
	tests := map[string]struct {
		err      error
		begun    record.Begun
		state    record.State
		least    time.Duration // of the delay
		most     time.Duration
		counts   bool
		unsent   bool
		archived bool
	}{
		"success":              {state: record.Succeeded, counts: true},
		"rejected":             {err: failure(dypls.Rejected, "isv.ILLEGAL_ARGUMENT"), state: record.Failed, counts: true, archived: true},
		"exhausted":            {err: failure(dypls.Exhausted, "isv.NO_AVAILABLE_NUMBER"), state: record.Failed, counts: true, archived: true},
		"uncertain":            {err: failure(dypls.Uncertain, dypls.CodeNoAnswer), state: record.Uncertain, counts: true, archived: true},
		"unreadable request":   {err: failure(dypls.Rejected, dypls.CodeInvalidPayload), state: record.Failed, unsent: true, archived: true},
		"unavailable, first":   {err: failure(dypls.Unavailable, "isp.SYSTEM_ERROR"), begun: record.Begun{Attempt: 1}, state: record.Waiting, most: time.Second, counts: true},
		"unavailable, fifth":   {err: failure(dypls.Unavailable, "isp.SYSTEM_ERROR"), begun: record.Begun{Attempt: 5}, state: record.Waiting, most: 16 * time.Second, counts: true},
		"unavailable, last":    {err: failure(dypls.Unavailable, "isp.SYSTEM_ERROR"), begun: record.Begun{Attempt: 6}, state: record.Failed, counts: true, archived: true},
		"not sent":             {err: failure(dypls.Unavailable, dypls.CodeNotSent), begun: record.Begun{Attempt: 1}, state: record.Waiting, most: time.Second, counts: true, unsent: true},
		"throttled":            {err: failure(dypls.Throttled, "isv.FLOW_LIMIT"), begun: record.Begun{Attempt: 6}, state: record.Waiting, most: time.Second},
		"throttled for long":   {err: failure(dypls.Throttled, "isv.FLOW_LIMIT"), begun: record.Begun{Attempt: 1, Uncounted: 1000}, state: record.Waiting, most: time.Minute},
		"throttled, told when": {err: &dypls.Error{Class: dypls.Throttled, Code: "Throttling", RetryAfter: 90 * time.Second}, state: record.Waiting, least: 90 * time.Second, most: 90 * time.Second},
		"not ready, first":     {err: failure(dypls.NotReady, "OK"), state: record.Waiting, least: 15 * time.Second, most: 15 * time.Second},
		"not ready, third":     {err: failure(dypls.NotReady, "OK"), begun: record.Begun{Uncounted: 2}, state: record.Waiting, least: 5 * time.Minute, most: 5 * time.Minute},
		"not ready, for long":  {err: failure(dypls.NotReady, "OK"), begun: record.Begun{Uncounted: 50}, state: record.Waiting, least: time.Hour, most: time.Hour},
		"denied, first":        {err: failure(dypls.Denied, "isv.OUT_OF_SERVICE"), begun: record.Begun{Attempt: 6}, state: record.Waiting, least: 30 * time.Second, most: 30 * time.Second},
		"denied, for long":     {err: failure(dypls.Denied, "isv.OUT_OF_SERVICE"), begun: record.Begun{Uncounted: 99}, state: record.Waiting, least: 5 * time.Minute, most: 5 * time.Minute},
		"its time ends before the next attempt": {
			err:   failure(dypls.NotReady, "OK"),
			begun: record.Begun{Uncounted: 9, Deadline: time.Now().Add(30 * time.Minute)}, state: record.Waiting, least: 25 * time.Minute, most: 31 * time.Minute,
		},
	}
	w := &Worker{}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := w.decide(kind{attempts: 6, findable: nothingFindable}, test.begun, test.err)
			if v.state != test.state || v.counts != test.counts || v.sent == test.unsent {
				t.Errorf("state %s, counts %t, sent %t; want %s, %t, %t", v.state, v.counts, v.sent, test.state, test.counts, !test.unsent)
			}
			if v.delay < test.least || v.delay > test.most {
				t.Errorf("delay %s, want between %s and %s", v.delay, test.least, test.most)
			}
			err := v.forQueue()
			if errors.Is(err, asynq.SkipRetry) != test.archived {
				t.Errorf("for the queue: %v", err)
			}
			if test.state == record.Waiting && (retryDelay(0, err, nil) != v.delay || isFailure(err) != test.counts) {
				t.Errorf("asynq is told to wait %s, a failure: %t", retryDelay(0, err, nil), isFailure(err))
			}
		})
	}
}

func nothingFindable([]byte) bool { return false }

// TestDecideDoubts: what a failure leaves in doubt, and what the next run has to do about it.
func TestDecideDoubts(t *testing.T) {
	t.Parallel()
	failure := func(class dypls.Class, code string) error { return &dypls.Error{Class: class, Code: code} }
	lost, conflict := failure(dypls.Uncertain, dypls.CodeNoAnswer), failure(dypls.Rejected, "isv.BIND_CONFLICT")
	broken, gone := failure(dypls.Unavailable, "isp.SYSTEM_ERROR"), failure(dypls.Rejected, "isv.SUBS_NOT_EXIST")
	named := kind{attempts: 6, mutates: true, findable: func([]byte) bool { return true }}
	chosen := kind{attempts: 6, mutates: true, findable: nothingFindable}
	unbind := kind{attempts: 6, mutates: true, repeatable: true, removes: true, findable: named.findable}
	byProduct := kind{attempts: 6, mutates: true, repeatable: true, removes: true, findable: nothingFindable}
	update := kind{attempts: 6, mutates: true, repeatable: true, findable: named.findable}
	maybe := record.Begun{Attempt: 2, MayHaveRun: true}
	soon := time.Now().Add(time.Second)
	tests := map[string]struct {
		kind    kind
		err     error
		begun   record.Begun
		policy  OnUncertain
		state   record.State
		doubt   record.Doubt
		suspect bool
	}{
		"named, lost":                      {kind: named, err: lost, state: record.Waiting, doubt: record.DoubtCall},
		"named, lost on the last attempt":  {kind: named, err: lost, begun: record.Begun{Attempt: 6}, state: record.Waiting, doubt: record.DoubtCall},
		"named, lost at the deadline":      {kind: named, err: lost, begun: record.Begun{Deadline: soon}, state: record.Waiting, doubt: record.DoubtCall},
		"named, unknown isp":               {kind: named, err: failure(dypls.Uncertain, "isp.NEW"), state: record.Waiting, doubt: record.DoubtCall},
		"named, conflict at once":          {kind: named, err: conflict, state: record.Failed},
		"named, conflict later":            {kind: named, err: conflict, begun: maybe, state: record.Waiting, doubt: record.DoubtRefusal},
		"named, refused later":             {kind: named, err: failure(dypls.Rejected, dypls.CodeInvalidPayload), begun: maybe, state: record.Waiting, doubt: record.DoubtRefusal},
		"named, broken":                    {kind: named, err: broken, begun: record.Begun{Attempt: 5}, state: record.Waiting},
		"named, broken, no attempt left":   {kind: named, err: broken, begun: record.Begun{Attempt: 6}, state: record.Waiting, doubt: record.DoubtRefusal},
		"named, not sent, no attempt left": {kind: named, err: failure(dypls.Unavailable, dypls.CodeNotSent), begun: record.Begun{Attempt: 6}, state: record.Failed},
		"chosen, lost, hold":               {kind: chosen, err: lost, policy: UncertainHold, state: record.Uncertain},
		"chosen, lost, retry":              {kind: chosen, err: lost, policy: UncertainRetry, state: record.Waiting, suspect: true},
		"chosen, lost again, retry":        {kind: chosen, err: lost, begun: record.Begun{Suspect: true}, policy: UncertainRetry, state: record.Uncertain},
		"chosen, refused, suspect":         {kind: chosen, err: conflict, begun: record.Begun{Suspect: true, MayHaveRun: true}, policy: UncertainRetry, state: record.Uncertain},
		"chosen, refused later":            {kind: chosen, err: conflict, begun: maybe, state: record.Failed},
		"unbind, lost":                     {kind: unbind, err: lost, begun: record.Begun{Attempt: 1}, state: record.Waiting},
		"unbind, lost, no attempt left":    {kind: unbind, err: lost, begun: record.Begun{Attempt: 6}, state: record.Failed},
		"unbind, gone at once":             {kind: unbind, err: gone, state: record.Waiting, doubt: record.DoubtRefusal},
		"unbind, gone later":               {kind: unbind, err: gone, begun: maybe, state: record.Succeeded},
		"unbind, gone, old words":          {kind: unbind, err: &dypls.Error{Class: dypls.Rejected, Code: "isv.ILLEGAL_ARGUMENT", Message: "Subs not exist"}, begun: maybe, state: record.Succeeded},
		"unbind, refused later":            {kind: unbind, err: failure(dypls.Rejected, "isv.ILLEGAL_ARGUMENT"), begun: maybe, state: record.Failed},
		"unbind by product, gone at once":  {kind: byProduct, err: gone, state: record.Failed},
		"unbind by product, gone later":    {kind: byProduct, err: gone, begun: maybe, state: record.Succeeded},
		"update, lost":                     {kind: update, err: lost, begun: record.Begun{Attempt: 1}, state: record.Waiting},
		"update, gone":                     {kind: update, err: gone, begun: maybe, state: record.Failed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &Worker{config: Config{OnUncertain: test.policy}, timing: timing{reconcileAfter: time.Minute}}
			v := w.decide(test.kind, test.begun, test.err)
			if v.state != test.state || v.doubt != test.doubt || v.suspect != test.suspect {
				t.Errorf("%s, doubt %q, suspect %t", v.state, v.doubt, v.suspect)
			}
			if v.doubt == record.DoubtCall && v.delay != time.Minute {
				t.Errorf("it is looked for after %s", v.delay)
			}
		})
	}
}

// TestArchivedMessage: what a dashboard shows of a failure is its code and class, nothing else.
func TestArchivedMessage(t *testing.T) {
	t.Parallel()
	if got, want := archive("isv.BIND_CONFLICT", dypls.Rejected).Error(), "isv.BIND_CONFLICT (Rejected)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
