package worker

import (
	"cmp"
	"context"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// attempt makes the one call of this run, once everything that the call needs is there.
func (d *delivery) attempt(ctx context.Context, begun record.Begun, noted time.Time) error {
	if ctx.Err() != nil { // the queue gave this delivery up while Redis was away; nothing was sent
		d.handBack(ctx, begun)
		return later(redisAway, gaveUp)
	}
	if err := d.takeCall(ctx, noted); err != nil {
		return d.unready(ctx, begun, err)
	}
	started := time.Now()
	request, instead := d.resolveBind(ctx, begun)
	if instead != nil {
		return d.endWithoutCall(ctx, begun, *instead, started)
	}
	begun.Request = request
	turn, instead := d.takeTurn(ctx, begun)
	if instead != nil {
		return d.endWithoutCall(ctx, begun, *instead, started)
	}
	x, request, err := d.lease(ctx, begun.Request)
	if err != nil {
		v := noNumber(begun, err)
		d.worker.awaitNumber(&v, begun)
		d.endTurn(ctx, turn, v)
		return d.endWithoutCall(ctx, begun, v, started)
	}
	begun.Request = request
	left, err := d.mayBeLost(ctx, begun, noted)
	if err != nil { // it names no X, so that none is leased
		return d.unready(ctx, begun, err)
	}
	calling := time.Now()
	success, callErr := d.call(ctx, begun, noted)
	left()
	d.called(time.Since(calling))
	v := d.worker.decide(d.kind, begun, callErr)
	if v.class == dypls.Denied && v.state == record.Waiting && d.permit.heldFor > 0 {
		v.wait(d.permit.heldFor, begun)
	}
	if v.doubt == record.DoubtCall { // the wait counts from when the call was noted, and it may have hung
		v.delay = max(v.delay-time.Since(noted), 0)
	}
	x.another(&v, d.kind, begun)
	d.acceptGone(ctx, &v, begun)
	v.requestID = cmp.Or(v.requestID, success.requestID)
	d.worker.logAttempt(d, begun, v, callErr, time.Since(started))
	d.tell(ctx, x, begun, v, success)
	d.endTurn(ctx, turn, v)
	return v.forQueue()
}

// endWithoutCall ends a run for which something was missing.
func (d *delivery) endWithoutCall(ctx context.Context, begun record.Begun, v verdict, started time.Time) error {
	d.worker.logAttempt(d, begun, v, nil, time.Since(started))
	d.finish(ctx, d.ending(begun, v, performed{}))
	if v.state == record.Failed {
		d.worker.tellNumber(ctx, d.id)
	}
	return v.forQueue()
}
