package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/quota"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/breaker"
)

// retryAfter is an error of one that knows when a call may leave: the limiter, a breaker, and what
// is below.
type retryAfter interface {
	error

	RetryAfter() time.Duration
}

// retryLaterError says that no call may leave soon.
type retryLaterError struct {
	delay  time.Duration
	reason string
}

func (e *retryLaterError) Error() string { return e.reason }

// RetryAfter implements retryAfter.
func (e *retryLaterError) RetryAfter() time.Duration { return e.delay }

// orRedisAway says when to come back after an error that does not say it: it is one of Redis.
func orRedisAway(err error) error {
	if _, ok := errors.AsType[retryAfter](err); ok {
		return err
	}
	return &retryLaterError{delay: redisAway, reason: "redis is out of reach"}
}

// admit waits until a call of this task may leave.
func (d *delivery) acquirePermit(ctx context.Context) error {
	t := d.account.traffic
	var pool string
	if t.limiter.LimitsPools() || t.breaker.HasPoolScope() {
		glance, err := d.worker.records.Glance(ctx, d.id)
		if err != nil {
			return &retryLaterError{delay: redisAway, reason: "redis is out of reach"}
		}
		pool = poolOf(glance.Request)
	}
	var evict <-chan struct{}
	if c := d.worker.waitQuotas[d.baseQueue]; c != nil && d.prepareSlot != nil {
		var leave func()
		evict, leave = c.startWaiting(d.account, d.bucket())
		defer leave()
	}
	var err error
	d.permit, err = t.acquirePermit(ctx, evict, d.kind.action, pool, d.run)
	if throttled, ok := errors.AsType[*quota.ThrottledError](err); ok && throttled.Evicted {
		d.prepareSlot = nil // another has it
	}
	return err
}

// bucket is that of the task's own action.
func (d *delivery) bucket() *quota.Bucket { return d.account.traffic.limiter.Action(d.kind.action) }

func poolOf(request []byte) string {
	var named struct {
		PoolKey string `json:"PoolKey"`
	}
	_ = json.Unmarshal(request, &named) // what cannot be read is told by the call
	return named.PoolKey
}

// deliveryGivenUp is why a task goes back whose delivery asynq ended.
const deliveryGivenUp = "the queue gave the delivery up"

// requeue returns what asynq is told of a task whose call may not leave yet, and nil for a run that
// goes on all the same.
func (d *delivery) requeue(ctx context.Context, err error) error {
	if errors.Is(err, errDraining) {
		return later(0, err.Error())
	}
	after, ok := errors.AsType[retryAfter](err)
	if !ok { // the queue gave the delivery up
		return later(redisAway, deliveryGivenUp)
	}
	glance, err := d.worker.records.Glance(ctx, d.id)
	if err != nil {
		return later(redisAway, "redis is out of reach")
	}
	if d.goesOn(glance) {
		return nil
	}
	return later(notBeyond(glance.Deadline, after.RetryAfter()), after.Error())
}

// goesOn reports whether a run that may not call now goes on to begin: the task's time is over, it
// is settled already, or an earlier call has to be looked up. None of that takes a call of its own
// action.
func (d *delivery) goesOn(glance record.Glance) bool {
	switch {
	case isOver(glance.Deadline):
		return true
	case d.account == nil:
		return glance.State == "" || glance.State.Told()
	}
	return glance.InDoubt || glance.State != record.Queued && glance.State != record.Waiting
}

// notBeyond shortens a delay, so that the owner of a task whose time is over is told without one.
func notBeyond(deadline time.Time, delay time.Duration) time.Duration {
	if deadline.IsZero() {
		return delay
	}
	return min(delay, time.Until(deadline)+time.Second)
}

// acquireSlowStart lets a call leave of which nobody could find out whether it took effect, were
// its answer lost: a bind that leaves X to the platform. While the endpoint answers nothing of use,
// such a call stays in the queue. Each other call may leave: it is made again, or looked up.
// endSlowStart must be called when the call is over.
func (d *delivery) acquireSlowStart(ctx context.Context) error {
	d.endSlowStart = func() {}
	if d.kind.idempotent() {
		return nil
	}
	b := d.account.traffic.breaker
	if !b.EndpointOpen() && b.Start.Try(cmp.Or(d.worker.timing.startCalls, breaker.StartCalls)) {
		d.endSlowStart = b.Start.End
		return nil
	}
	if d.kind.findable(d.begun.Request) {
		return nil
	}
	if b.EndpointOpen() {
		return orRedisAway(b.ProbeEndpoint(ctx, d.run, d.apiAnswers))
	}
	late := time.NewTimer(callSlotWait - time.Since(d.noted))
	defer late.Stop()
	if !b.Start.Wait(ctx, late.C) {
		return &retryLaterError{
			delay:  callsSlowPause,
			reason: "few binds may be out before the API has answered one",
		}
	}
	if b.EndpointOpen() { // meanwhile
		b.Start.End()
		return b.EndpointError()
	}
	d.endSlowStart = b.Start.End
	return nil
}

// apiAnswers asks the API for a binding that nobody has. Whatever it says of it, also that it
// refuses, is the API's own word. The call needs no leave of the quota, which is of a hundred times
// as many, nor of a breaker, which is for calls that want a result.
func (d *delivery) apiAnswers(ctx context.Context) bool {
	const nobodys = "1"
	ctx, cancel := context.WithTimeout(ctx, d.worker.config.HTTPTimeout)
	defer cancel()
	answer, err := d.account.caller.Call(ctx, dypls.Call{
		Action: dypls.QuerySubscriptionDetail.Action,
		Parameters: dypls.ParametersOf(dypls.QuerySubscriptionDetailRequest{
			PoolKey: poolOf(d.begun.Request), SubsID: nobodys, PhoneNoX: "17000000000",
		}),
	})
	return err == nil && !leavesDoubt(answer)
}
