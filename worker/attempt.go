package worker

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// attempt makes the one call of this run, which has passed every gate, and writes down what came of
// it.
func (d *delivery) attempt(ctx context.Context) error {
	calling := time.Now()
	success, callErr := d.call(ctx, d.begun, d.noted)
	d.endSlowStart()
	d.callEnded(time.Since(calling))
	v := d.worker.decide(d.kind, d.begun, callErr)
	if v.class == dypls.Denied && v.state == record.Waiting && d.permit.deniedFor > 0 {
		v.wait(d.permit.deniedFor, d.begun)
	}
	// the wait counts from when the call was noted, and it may have hung
	if v.doubt == record.DoubtCall {
		v.delay = max(v.delay-time.Since(d.noted), 0)
	}
	d.number.retryWithAnother(&v, d.kind, d.begun)
	d.acceptGone(ctx, &v, d.begun)
	v.requestID = cmp.Or(v.requestID, success.requestID)
	d.worker.logAttempt(d, d.begun, v, callErr, time.Since(d.started))
	d.publish(ctx, d.number, d.begun, v, success)
	d.curtail(ctx, v)
	d.releaseUpdateLock(ctx, v)
	return v.forQueue()
}

// notedCaller tells the caller below when the call was noted in the record, and keeps what the
// record wants to know of its answer.
type notedCaller struct {
	dypls.Caller

	noted     time.Time
	trace     *Trace
	account   string
	called    bool
	requestID string
}

// Call implements [dypls.Caller].
func (c *notedCaller) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	call.Noted = c.noted
	c.called = true
	left := time.Now()
	answer, err := c.Caller.Call(ctx, call)
	c.trace.callDone(Call{Account: c.account, Action: call.Action, Took: time.Since(left)})
	c.requestID = answer.RequestID
	return answer, err
}

// call makes the one call of this run. What may change something runs in a context of its own.
func (d *delivery) call(
	ctx context.Context,
	begun record.Begun,
	noted time.Time,
) (success performed, err error) {
	if d.kind.mutates {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, d.worker.config.HTTPTimeout)
	defer cancel()
	c := &notedCaller{
		Caller:  d.caller(),
		noted:   noted,
		trace:   &d.worker.config.Trace,
		account: d.account.name,
	}
	defer func() {
		if p := recover(); p != nil {
			d.worker.logPanic(d, p)
			success, err = performed{}, d.panicError()
		}
	}()
	success, err = d.kind.perform(ctx, c, d.id, begun.Request)
	success.requestID = c.requestID
	return success, d.asError(err, c.called)
}

// caller makes calls with the permit of this run, and then with those that it gets.
func (d *delivery) caller() *permittedCaller {
	if d.account == nil {
		return &permittedCaller{}
	}
	c := &permittedCaller{
		Caller:  d.account.caller,
		traffic: d.account.traffic,
		permit:  d.permit,
		run:     d.run,
		span:    d.span,
	}
	if d.span.On() { // what nobody records has no parts, either
		c.tracer, c.begun = d.worker.tracer, &d.begun
	}
	return c
}

// asError turns what is neither a success nor an answer into an error of the vocabulary.
func (d *delivery) asError(err error, called bool) error {
	if _, known := errors.AsType[*dypls.Error](err); err == nil || known {
		return err
	}
	e := &dypls.Error{
		Action:  d.kind.action,
		Class:   dypls.Rejected,
		Code:    dypls.CodeInvalidPayload,
		Message: dypls.Scrub(err.Error()),
	}
	if called { // an error of a Caller that does not keep to its contract
		e.Class, e.Code = dypls.Uncertain, dypls.CodeNoAnswer
		if !d.kind.mutates {
			e.Class = dypls.Unavailable
		}
	}
	return e
}

func (d *delivery) panicError() error {
	e := &dypls.Error{
		Action:  d.kind.action,
		Class:   dypls.Rejected,
		Code:    dypls.CodePanic,
		Message: "the worker's code panicked; its log has the place",
	}
	if d.kind.mutates {
		e.Class = dypls.Uncertain
	}
	return e
}
