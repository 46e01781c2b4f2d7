package worker

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// attempt makes the one call of this run, once everything that the call needs is there.
func (d *delivery) attempt(ctx context.Context, begun record.Begun, noted time.Time) error {
	if ctx.Err() != nil { // the queue gave this delivery up while Redis was away; nothing was sent
		d.abort(ctx, begun)
		return later(redisAway, deliveryGivenUp)
	}
	if err := d.acquireCallSlot(ctx, noted); err != nil {
		return d.abortAndRequeue(ctx, begun, err)
	}
	started := time.Now()
	request, instead := d.resolveBind(ctx, begun)
	if instead != nil {
		return d.endWithoutCall(ctx, begun, *instead, started)
	}
	begun.Request = request
	lock, instead := d.acquireUpdateLock(ctx, begun)
	if instead != nil {
		return d.endWithoutCall(ctx, begun, *instead, started)
	}
	x, request, err := d.leaseNumber(ctx, begun.Request)
	if err != nil {
		v := noNumber(begun, err)
		d.worker.awaitNumber(&v, begun)
		d.releaseUpdateLock(ctx, lock, v)
		return d.endWithoutCall(ctx, begun, v, started)
	}
	begun.Request = request
	expiry, err := d.prolong(ctx, begun.Request)
	if err != nil {
		d.releaseUpdateLock(ctx, lock, verdict{})
		return d.abortAndRequeue(ctx, begun, err)
	}
	left, err := d.acquireSlowStart(ctx, begun, noted)
	if err != nil { // it names no X, so that none is leased
		return d.abortAndRequeue(ctx, begun, err)
	}
	calling := time.Now()
	success, callErr := d.call(ctx, begun, noted)
	left()
	d.callEnded(time.Since(calling))
	v := d.worker.decide(d.kind, begun, callErr)
	if v.class == dypls.Denied && v.state == record.Waiting && d.permit.deniedFor > 0 {
		v.wait(d.permit.deniedFor, begun)
	}
	if v.doubt == record.DoubtCall { // the wait counts from when the call was noted, and it may have hung
		v.delay = max(v.delay-time.Since(noted), 0)
	}
	x.retryWithAnother(&v, d.kind, begun)
	d.acceptGone(ctx, &v, begun)
	v.requestID = cmp.Or(v.requestID, success.requestID)
	d.worker.logAttempt(d, begun, v, callErr, time.Since(started))
	d.publish(ctx, x, begun, v, success)
	d.curtail(ctx, expiry, begun, v)
	d.releaseUpdateLock(ctx, lock, v)
	return v.forQueue()
}

// notedCaller tells the caller below when the call was noted in the record, and keeps what the record wants to know
// of its answer.
type notedCaller struct {
	dypls.Caller

	noted     time.Time
	observer  Observer
	called    bool
	requestID string
}

// Call implements [dypls.Caller].
func (c *notedCaller) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	call.Noted = c.noted
	c.called = true
	left := time.Now()
	answer, err := c.Caller.Call(ctx, call)
	c.observer.Called(call.Action, time.Since(left))
	c.requestID = answer.RequestID
	return answer, err
}

// call makes the one call of this run. What may change something runs in a context of its own.
func (d *delivery) call(ctx context.Context, begun record.Begun, noted time.Time) (success performed, err error) {
	if d.kind.mutates {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, d.worker.config.HTTPTimeout)
	defer cancel()
	c := &notedCaller{Caller: d.caller(), noted: noted, observer: d.worker.config.Observer}
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
	return &permittedCaller{Caller: d.account.caller, traffic: d.account.traffic, permit: d.permit, run: d.run}
}

// asError turns what is neither a success nor an answer into an error of the vocabulary.
func (d *delivery) asError(err error, called bool) error {
	if _, known := errors.AsType[*dypls.Error](err); err == nil || known {
		return err
	}
	e := &dypls.Error{Action: d.kind.action, Class: dypls.Rejected, Code: dypls.CodeInvalidPayload, Message: dypls.Scrub(err.Error())}
	if called { // an error of a Caller that does not keep to its contract
		e.Class, e.Code = dypls.Uncertain, dypls.CodeNoAnswer
		if !d.kind.mutates {
			e.Class = dypls.Unavailable
		}
	}
	return e
}

func (d *delivery) panicError() error {
	e := &dypls.Error{Action: d.kind.action, Class: dypls.Rejected, Code: dypls.CodePanic, Message: "the worker's code panicked; its log has the place"}
	if d.kind.mutates {
		e.Class = dypls.Uncertain
	}
	return e
}
