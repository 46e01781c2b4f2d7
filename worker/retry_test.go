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
			v := w.decide(kind{attempts: 6}, test.begun, test.err)
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

// TestArchivedMessage: what a dashboard shows of a failure is its code and class, nothing else.
func TestArchivedMessage(t *testing.T) {
	t.Parallel()
	if got, want := archive("isv.BIND_CONFLICT", dypls.Rejected).Error(), "isv.BIND_CONFLICT (Rejected)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
