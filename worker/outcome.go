package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/reaper"
)

func (d *delivery) settleWithoutCall(ctx context.Context, begun record.Begun) error {
	d.worker.syncInventory(ctx, d.id)
	d.log().Error().
		Str("id", d.id).
		Str("action", d.kind.action).
		Str("state", string(begun.State)).
		Str("code", begun.Code).
		Msg("settled without a call")
	d.endSpan(verdict{state: begun.State, code: begun.Code, class: dypls.Class(begun.Class)})
	d.traceEnd(begun.State)
	return archive(begun.Code, dypls.Class(begun.Class))
}

// abort leaves the task as it was, and says why it waits where hold does: nothing of this run has
// left.
func (d *delivery) abort(ctx context.Context, begun record.Begun, hold record.Hold) {
	if d.span.On() {
		d.span.Set(tracing.Result.String("handed-back"), tracing.Code.String(hold.Code))
	}
	err := d.worker.untilWritten(ctx, d.id, "hand back", func(ctx context.Context) error {
		_, err := d.worker.records.HandBack(ctx, d.id, begun.Fence, hold)
		return err
	})
	if err != nil { // its claim lapses, and the task is in doubt for nothing
		d.log().Error().
			Str("id", d.id).
			Str("action", d.kind.action).
			Err(err).
			Msg("claim not released for a call that was not made")
	}
}

func (d *delivery) ending(begun record.Begun, v verdict, p performed) record.Ending {
	e := record.Ending{
		ID:         d.id,
		Account:    d.accountName,
		Fence:      begun.Fence,
		State:      v.state,
		Code:       v.code,
		Message:    v.message,
		Class:      string(v.class),
		RequestID:  v.requestID,
		Counts:     v.counts,
		Sent:       v.sent,
		MayHaveRun: v.mayHaveRun && d.kind.mutates,
		Doubt:      v.doubt,
		Suspect:    v.suspect,
		Keep:       d.worker.agreed.Keep(),
	}
	if v.state != record.Succeeded {
		return e
	}
	e.Result, e.SubsID, e.ExpiresAt = p.result, p.binding.SubsID, p.expiresAt
	e.Surplus = func() []byte { return unbinding(begun.Request, p.result) }
	if !p.expiresAt.IsZero() {
		e.Keep = max(time.Until(p.expiresAt), time.Second)
	}
	return e
}

// finish writes what came of the call, as long as this process lives: an outcome is never dropped
// for want of Redis.
func (d *delivery) finish(ctx context.Context, e record.Ending) {
	var verdict record.FinishVerdict
	err := d.worker.untilWritten(ctx, d.id, "finish", func(ctx context.Context) error {
		var err error
		verdict, err = d.worker.records.Finish(ctx, e)
		if shortage, ok := errors.AsType[*record.ShortageError](err); ok {
			d.logUnreplicated(shortage)
			return nil
		}
		return err
	})
	if err == nil && (verdict == record.Done || verdict == record.Again) {
		d.traceEnd(e.State)
		return
	}
	log := d.log().Error().
		Str("id", d.id).
		Str("action", d.kind.action).
		Str("state", string(e.State)).
		Str("code", e.Code)
	switch {
	case err != nil:
		log.Err(err).Msg("outcome not written")
	case verdict == record.Surplus:
		d.span.Set(tracing.Result.String("surplus"))
		d.worker.config.Trace.surplusFound(Surplus{TaskID: d.id, Action: d.kind.action})
		log.Msg("surplus binding; unbinding it")
		d.compensate(ctx, e)
	case verdict == record.Gone && e.State == record.Succeeded && d.kind.mutates:
		log.Str("subs_id", e.SubsID).Str("request_id", e.RequestID).
			Msg("call took effect, but Redis lost its task; unbind what it bound, or do not enqueue its key again")
	default:
		log.Msg(fmt.Sprintf("outcome too late: the record is %s", verdict))
	}
}

// compensate queues the removal of a surplus binding. The record keeps the request as well, for the
// case that this process ends before.
func (d *delivery) compensate(ctx context.Context, e record.Ending) {
	ctx = d.span.In(context.WithoutCancel(ctx))
	_, err := reaper.Compensate(ctx, d.worker.queue, d.accountName, e.Surplus())
	if err != nil {
		d.log().Error().
			Str("id", d.id).
			Str("subs_id", e.SubsID).
			Err(err).
			Msg("surplus binding not queued for removal; unbind it")
	}
}

// logUnreplicated: the outcome stands, and nothing more can be done for it.
func (d *delivery) logUnreplicated(shortage *record.ShortageError) {
	d.log().Warn().Str("id", d.id).Str("action", d.kind.action).Err(shortage).
		Msg("outcome written, but too few replicas acknowledged it")
}

// endWithoutCall ends a run whose call does not leave, and returns what asynq is told. Unless a
// gate has decided on the task, it is left as it was.
func (d *delivery) endWithoutCall(ctx context.Context, why error) error {
	if ended, ok := errors.AsType[*endedError](why); ok {
		return ended.told
	}
	if decided, ok := errors.AsType[*decidedError](why); ok {
		v := decided.verdict
		d.releaseUpdateLock(ctx, v)
		d.worker.logAttempt(d, d.begun, v, nil, time.Since(d.started))
		d.finish(ctx, d.ending(d.begun, v, performed{}))
		if v.state == record.Failed {
			d.worker.syncInventory(ctx, d.id)
		}
		return v.forQueue()
	}
	d.releaseUpdateLock(ctx, verdict{})
	if held, ok := errors.AsType[*heldError](why); ok {
		d.abort(ctx, d.begun, held.hold)
		return later(notBeyond(d.begun.Deadline, held.delay), held.hold.Code)
	}
	d.abort(ctx, d.begun, record.Hold{})
	switch {
	case errors.Is(why, errDraining):
		return later(0, why.Error())
	case errors.Is(why, errCallsSlow):
		return later(callsSlowPause, why.Error())
	}
	if after, ok := errors.AsType[retryAfter](why); ok {
		return later(notBeyond(d.begun.Deadline, after.RetryAfter()), after.Error())
	}
	return later(redisAway, deliveryGivenUp)
}
