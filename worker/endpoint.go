package worker

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/breaker"
)

// mayBeLost lets a call leave of which nobody could find out whether it took effect, were its answer lost: a bind that leaves X to the
// platform. While the endpoint answers nothing of use, such a call stays in the queue. Each other call may leave: it is made again, or
// looked up. left must be called when the call is over. The error says when to come back, or is the
// context's.
func (d *delivery) mayBeLost(ctx context.Context, begun record.Begun, noted time.Time) (left func(), err error) {
	if !d.kind.once() {
		return func() {}, nil
	}
	b := d.account.traffic.breaker
	if !b.EndpointOpen() && b.Start.Try(cmp.Or(d.worker.timing.startCalls, breaker.StartCalls)) {
		return b.Start.End, nil
	}
	if d.kind.findable(begun.Request) {
		return func() {}, nil
	}
	if b.EndpointOpen() {
		err := b.ProbeEndpoint(ctx, d.run, func(ctx context.Context) bool { return d.apiAnswers(ctx, begun) })
		return nil, orRedisAway(err)
	}
	late := time.NewTimer(readyFor - time.Since(noted))
	defer late.Stop()
	if !b.Start.Wait(ctx, late.C) {
		return nil, &heldError{delay: callsLastPause, reason: "few binds may be out before the API has answered one"}
	}
	if b.EndpointOpen() { // meanwhile
		b.Start.End()
		return nil, b.EndpointError()
	}
	return b.Start.End, nil
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
		t.breaker.Answered(ctx)
	default:
		t.breaker.Unanswered(ctx, run, left)
	}
}

// leavesDoubt reports whether an answer says nothing of what was done: the gateway's own that it could not reach the service.
func leavesDoubt(answer dypls.Answer) bool {
	return answer.Code != dypls.CodeOK && dypls.Classify(answer.Code, answer.Status, answer.HostID != "") == dypls.Uncertain
}
