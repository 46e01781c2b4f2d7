package main

import (
	"context"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Numbers whose calls fail at first, by the simulator's rules.
const (
	throttledNumber = "13800000003"
	brokenNumber    = "13800000004"
)

func tourFaults() []dyplstest.Fault {
	return []dyplstest.Fault{
		{Match: map[string]string{"PhoneNoA": throttledNumber}, First: 1, Code: "isv.FLOW_LIMIT"},
		{Match: map[string]string{"PhoneNoA": brokenNumber}, First: 1, Code: "isp.SYSTEM_ERROR"},
	}
}

// The tour's tasks.
const (
	tourAXN         = "demo-axn"
	tourAXB         = "demo-axb"
	tourThrottled   = "demo-throttled"
	tourSystemError = "demo-system-error"
	tourConflict    = "demo-conflict"
	tourRecording   = "demo-recording"
	tourUnbind      = "demo-unbind"
)

// tourStep is one task of the tour, what should come of it, and what did.
type tourStep struct {
	what    string
	id      string
	state   tasks.State
	code    string
	calls   int
	outcome tasks.Outcome
}

func (t tourStep) asExpected() bool {
	return t.outcome.State == t.state && t.outcome.Code == t.code && t.outcome.Calls == t.calls
}

// takeTour performs one of everything.
func takeTour(ctx context.Context, q *tasks.Queue) ([]tourStep, error) {
	if err := enqueueBinds(ctx, q); err != nil {
		return nil, err
	}
	bound, err := tasks.BindAXN.Wait(ctx, q, tourAXN)
	if err != nil {
		return nil, err
	}
	if err := useBinding(ctx, q, bound); err != nil {
		return nil, err
	}
	steps := []tourStep{
		{what: "AXN bind", id: tourAXN, state: tasks.StateSucceeded, code: dypls.CodeOK, calls: 1},
		{what: "AXB bind", id: tourAXB, state: tasks.StateSucceeded, code: dypls.CodeOK, calls: 1},
		{
			what:  "throttled at first",
			id:    tourThrottled,
			state: tasks.StateSucceeded,
			code:  dypls.CodeOK,
			calls: 2,
		},
		{
			what:  "system error at first",
			id:    tourSystemError,
			state: tasks.StateSucceeded,
			code:  dypls.CodeOK,
			calls: 2,
		},
		{
			what:  "X is taken",
			id:    tourConflict,
			state: tasks.StateFailed,
			code:  "isv.BIND_CONFLICT",
			calls: 1,
		},
		{
			what:  "recording of a call",
			id:    tourRecording,
			state: tasks.StateSucceeded,
			code:  dypls.CodeOK,
			calls: 1,
		},
		{what: "unbind", id: tourUnbind, state: tasks.StateSucceeded, code: dypls.CodeOK, calls: 1},
	}
	for i := range steps {
		if steps[i].outcome, err = q.Wait(ctx, steps[i].id); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

// enqueueBinds starts what needs nothing bound before.
func enqueueBinds(ctx context.Context, q *tasks.Queue) error {
	_, err := tasks.BindAXN.EnqueueAll(ctx, q, []tasks.Item[dypls.BindAXNRequest]{
		{Request: tourRequest("13800000001"), Options: []tasks.Option{tasks.TaskID(tourAXN)}},
		{Request: tourRequest(throttledNumber), Options: []tasks.Option{tasks.TaskID(tourThrottled)}},
		{Request: tourRequest(brokenNumber), Options: []tasks.Option{tasks.TaskID(tourSystemError)}},
	})
	if err != nil {
		return err
	}
	_, err = tasks.BindAXB.Enqueue(ctx, q, dypls.BindAXBRequest{
		PoolKey:    dyplstest.DefaultPoolKey,
		PhoneNoA:   "13800000002",
		PhoneNoB:   "13900000002",
		Expiration: inAnHour(),
	}, tasks.TaskID(tourAXB))
	return err
}

// useBinding tries to bind its X a second time, asks for the recording of a call over it, and
// removes it.
func useBinding(ctx context.Context, q *tasks.Queue, bound dypls.Binding) error {
	taken := tourRequest("13800000005")
	taken.PhoneNoX = bound.SecretNo
	_, err := tasks.BindAXN.Enqueue(ctx, q, taken, tasks.TaskID(tourConflict))
	if err != nil {
		return err
	}
	_, err = tasks.QueryRecordFileDownloadURL.Enqueue(ctx, q, dypls.QueryRecordFileDownloadURLRequest{
		PoolKey:  dyplstest.DefaultPoolKey,
		CallID:   "43612633712c0000",
		CallTime: dypls.At(time.Now().Add(-20 * time.Minute)),
	}, tasks.TaskID(tourRecording))
	_, stillTaken := q.Wait(ctx, tourConflict)
	if err := errors.Join(err, stillTaken); err != nil {
		return err
	}
	_, err = tasks.UnbindSubscription.Enqueue(ctx, q, dypls.UnbindSubscriptionRequest{
		PoolKey: dyplstest.DefaultPoolKey, SubsID: bound.SubsID, SecretNo: bound.SecretNo,
	}, tasks.TaskID(tourUnbind))
	return err
}

func tourRequest(a dypls.Phone) dypls.BindAXNRequest {
	return dypls.BindAXNRequest{PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: a, Expiration: inAnHour()}
}

func inAnHour() dypls.Time { return dypls.At(time.Now().Add(time.Hour)) }
