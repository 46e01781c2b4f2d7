package worker

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	// endpointFirst and endpointMost bound the pauses between probes of an endpoint that does not answer as the API. A probe is one read.
	endpointFirst = 5 * time.Second
	endpointMost  = time.Minute
)

// exposed is why a bind waits whose answer might be lost.
const exposed = "what answers at the endpoint is not the API: a bind that cannot be looked up waits"

// mayBeLost lets a call leave of which nobody could find out whether it took effect, were its answer lost: a bind that leaves X to the
// platform. While the endpoint answers nothing of use, such a call stays in the queue. Each other call may leave: it is made again, or
// looked up. left must be called when the call is over. The error is a *heldError, or the context's.
func (d *delivery) mayBeLost(ctx context.Context, begun record.Begun, noted time.Time) (left func(), err error) {
	if !d.kind.once() {
		return func() {}, nil
	}
	t := d.account.traffic
	if !t.breaker.endpointAway() && t.start.try(cmp.Or(d.worker.timing.startCalls, startCalls)) {
		return t.start.end, nil
	}
	if d.kind.findable(begun.Request) {
		return func() {}, nil
	}
	if t.breaker.endpointAway() {
		return nil, d.probeEndpoint(ctx, begun)
	}
	late := time.NewTimer(readyFor - time.Since(noted))
	defer late.Stop()
	if !t.start.wait(ctx, late.C) {
		return nil, &heldError{delay: callsLastPause, reason: "few binds may be out before the API has answered one"}
	}
	if t.breaker.endpointAway() { // meanwhile
		t.start.end()
		return nil, &heldError{delay: endpointFirst, reason: exposed}
	}
	return t.start.end, nil
}

// probeEndpoint finds out whether the API answers again, where that is this run's turn. It always returns a *heldError: the call itself
// was noted too long ago by then.
func (d *delivery) probeEndpoint(ctx context.Context, begun record.Begun) error {
	b := d.account.traffic.breaker
	held := func(delay time.Duration) error {
		return &heldError{delay: delay + b.jitterOf(breakers.Endpoint), reason: exposed}
	}
	if wait := b.untilProbe(breakers.Endpoint); wait > 0 {
		return held(wait)
	}
	verdict, wait, err := b.probe(ctx, breakers.Endpoint, d.run)
	switch {
	case err != nil:
		return &heldError{delay: redisAway, reason: "redis is out of reach"}
	case verdict == breakerHeld:
		return held(min(wait, endpointFirst))
	case verdict == breakerClosed:
		return held(0)
	}
	if d.apiAnswers(ctx, begun) {
		b.close(ctx, breakers.Endpoint)
		return held(0)
	}
	return held(b.trip(ctx, breakers.Endpoint, dypls.CodeNoAnswer, d.run))
}

// apiAnswers asks the API for a binding that nobody has. Whatever it says of it, also that it refuses, is the API's own word. The call
// needs no leave of the quota, which is of a hundred times as many, nor of a breaker, which is for calls that want a result.
func (d *delivery) apiAnswers(ctx context.Context, begun record.Begun) bool {
	const nobodys = "1"
	ctx, cancel := context.WithTimeout(ctx, d.worker.config.HTTPTimeout)
	defer cancel()
	answer, err := d.account.caller.Call(ctx, dypls.Call{
		Action: dypls.QuerySubscriptionDetail.Action,
		Parameters: dypls.ParametersOf(dypls.QuerySubscriptionDetailRequest{
			PoolKey: poolOf(begun.Request), SubsID: nobodys, PhoneNoX: "17000000000",
		}),
	})
	return err == nil && !leavesDoubt(answer)
}

// hearEndpoint takes in whether a call that was sent was answered by the API.
func (t *traffic) hearEndpoint(ctx context.Context, run string, left time.Time, answer dypls.Answer, err error) {
	e, failed := errors.AsType[*dypls.Error](err)
	switch {
	case failed && e.Code == dypls.CodeNotSent: // nothing was asked
	case err == nil && !leavesDoubt(answer):
		t.start.answered()
		if t.breaker.endpointAway() {
			t.breaker.close(ctx, breakers.Endpoint)
		}
	case t.breaker.closedSince(breakers.Endpoint, left): // it says nothing new
	case t.start.missed() && !t.breaker.endpointAway():
		t.breaker.trip(ctx, breakers.Endpoint, dypls.CodeNoAnswer, run)
	}
}

// leavesDoubt reports whether an answer says nothing of what was done: the gateway's own that it could not reach the service.
func leavesDoubt(answer dypls.Answer) bool {
	return answer.Code != dypls.CodeOK && dypls.Classify(answer.Code, answer.Status, answer.HostID != "") == dypls.Uncertain
}
