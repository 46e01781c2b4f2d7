package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/dyplsqtest"
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

// tourRow is a row of the demo's table.
type tourRow struct {
	cells   []string // all but the last
	verdict string   // the last
	wrong   bool     // it is not as expected
}

const (
	resultCell = 7 // of a row's cells
	asExpected = "yes"
)

func (t tourStep) row() tourRow {
	o := t.outcome
	row := tourRow{cells: []string{
		t.what, o.ID, o.Action, string(o.State), o.Code, strconv.Itoa(o.Attempts), strconv.Itoa(o.Calls),
		resultForPeople(o.Result),
	}, verdict: asExpected}
	if o.State != t.state || o.Code != t.code || o.Calls != t.calls {
		row.verdict, row.wrong = fmt.Sprintf("NO: %s %s, calls %d", t.state, t.code, t.calls), true
	}
	return row
}

// takeTour performs one of everything.
func takeTour(
	ctx context.Context,
	system *dyplsqtest.System,
	call *tourCall,
) ([]tourRow, error) {
	q := system.Queue
	if err := enqueueBinds(ctx, q); err != nil {
		return nil, err
	}
	bound, err := tasks.BindAXN.Wait(ctx, q, tourAXN)
	if err != nil {
		return nil, err
	}
	placed, err := call.place(system.API, bound) //nolint:contextcheck // the service goes on by itself
	if err != nil {
		return nil, err
	}
	if err := useBinding(ctx, q, bound); err != nil {
		return nil, err
	}
	var rows []tourRow
	for _, step := range tourSteps() {
		if step.outcome, err = q.Wait(ctx, step.id); err != nil {
			return nil, err
		}
		rows = append(rows, step.row())
	}
	kept, err := call.wait(ctx, placed)
	return append(rows, kept), err
}

// tourSteps are the tour's tasks, with what should come of each.
func tourSteps() []tourStep {
	return []tourStep{
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
}

// enqueueBinds starts what needs nothing bound before.
func enqueueBinds(ctx context.Context, q *tasks.Queue) error {
	recorded := tourRequest("13800000001")
	recorded.IsRecordingEnabled = true
	_, err := tasks.BindAXN.EnqueueAll(ctx, q, []tasks.Item[dypls.BindAXNRequest]{
		{Request: recorded, Options: []tasks.Option{tasks.TaskID(tourAXN)}},
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
