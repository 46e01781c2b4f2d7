package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/lossguard"
)

const (
	// writeTimeout bounds one try to reach the record.
	writeTimeout = 3 * time.Second
	// redisAway is when a delivery that could not reach its record is offered again.
	redisAway = 5 * time.Second
	// afterClaim is added to the rest of another run's claim before looking again.
	afterClaim = time.Second
)

// delivery is one delivery of a task by asynq, and so one run of it.
type delivery struct {
	worker  *Worker
	kind    kind
	account *account // nil for one that this worker does not know
	of      string   // its name in the record, "" for none
	id      string
	run     string
	permit  *permit       // nil where no call may leave now
	queue   string        // of asynq
	slots   string        // the queue whose calls it takes up: all shards of one share them
	ready   chan struct{} // nil while it neither gets ready for its call nor makes it
	calling chan struct{} // nil while it makes none
	taskID  string        // of asynq
}

func (d *delivery) perform(ctx context.Context) error {
	if err := d.checkNoDataLoss(); err != nil {
		return d.hold(ctx, err)
	}
	if err := d.account.traffic.breaker.Check(d.kind.action, ""); err != nil {
		return d.hold(ctx, err) // without a call of others
	}
	if err := d.getReady(ctx); err != nil {
		return d.hold(ctx, err)
	}
	if err := d.awaitCall(ctx); err != nil { // before a permit is taken, which does not keep
		return d.hold(ctx, err)
	}
	if err := d.admit(ctx); err != nil {
		return d.hold(ctx, err)
	}
	defer d.permit.giveBack(ctx)
	return d.proceed(ctx)
}

// proceed finds out what is to be done, and does it.
func (d *delivery) proceed(ctx context.Context) error {
	begun, noted, err := d.begin(ctx)
	if err != nil {
		return later(redisAway, "redis is out of reach")
	}
	switch begun.Verdict {
	case record.Finished:
		return d.afterEnd(ctx, begun)
	case record.Busy:
		return later(begun.Busy+afterClaim, "another run is calling")
	case record.Settled:
		return d.settled(ctx, begun)
	case record.Foreign:
		return d.replace(ctx)
	case record.Unknown:
		d.worker.log.Error().Str("id", d.id).Str("action", d.kind.action).
			Msg("no record of this task: it was deleted, or its outcome is no longer kept")
		return archive(dypls.CodeInvalidPayload, dypls.Rejected)
	case record.Look:
		d.permit.giveBack(ctx) // the calls of a look are others
		return d.look(ctx, begun)
	case record.Go:
		if err := d.mayLeave(ctx, begun); err != nil {
			d.handBack(ctx, begun)
			return err
		}
	}
	d.sampleWait(ctx, begun, noted)
	return d.attempt(ctx, begun, noted)
}

// mayLeave says what keeps a call that is noted from leaving, and when to try again.
func (d *delivery) mayLeave(ctx context.Context, begun record.Begun) error {
	switch {
	case d.permit == nil:
		return later(redisAway, "its call may not leave yet")
	case begun.Shortage != nil:
		d.worker.sayShortage(begun.Shortage)
		return later(redisAway, "too few replicas of redis know of its call")
	}
	return d.confirmNoDataLoss(ctx)
}

// checkNoDataLoss keeps a bind back while binds pause.
func (d *delivery) checkNoDataLoss() error {
	if !d.kind.once() {
		return nil
	}
	return d.worker.losses.Check()
}

// confirmNoDataLoss keeps a bind back that was noted by a Redis that has not been asked yet what it remembers.
func (d *delivery) confirmNoDataLoss(ctx context.Context) error {
	if !d.kind.once() {
		return nil
	}
	err := d.worker.losses.Confirm(ctx)
	if err == nil {
		return nil
	}
	if loss, ok := errors.AsType[*lossguard.LossError](err); ok {
		return later(loss.RetryAfter(), loss.Error())
	}
	return later(redisAway, "redis is out of reach")
}

// begin asks the record for leave to call, until there is an answer: a claim that might have been granted must not be left
// behind, or its task would be held as uncertain. noted is a moment before the claim was granted.
func (d *delivery) begin(ctx context.Context) (begun record.Begun, noted time.Time, err error) {
	run := record.Run{
		ID: d.id, Run: d.run, Action: d.kind.action, Account: d.of, Lease: d.worker.timing.claimLease, Repeatable: d.kind.repeatable,
		MaxAttempts: d.kind.attempts, MaxCrashes: maxCrashes, LookAfter: d.worker.timing.lookAfter, Keep: d.worker.config.Keep,
	}
	err = d.worker.untilWritten(ctx, d.id, "begin", func(ctx context.Context) error {
		noted = time.Now()
		begun, err = d.worker.records.Begin(ctx, run)
		return err
	})
	return begun, noted, err
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

func (d *delivery) settled(ctx context.Context, begun record.Begun) error {
	d.worker.tellNumber(ctx, d.id)
	d.worker.log.Error().Str("id", d.id).Str("action", d.kind.action).Str("state", string(begun.State)).
		Str("code", begun.Code).Msg("settled without a call")
	d.observeEnd(begun.State)
	return archive(begun.Code, dypls.Class(begun.Class))
}

// handBack leaves the task as it was: nothing of this run has left.
func (d *delivery) handBack(ctx context.Context, begun record.Begun) {
	err := d.worker.untilWritten(ctx, d.id, "hand back", func(ctx context.Context) error {
		_, err := d.worker.records.HandBack(ctx, d.id, begun.Fence)
		return err
	})
	if err != nil { // its claim lapses, and the task is in doubt for nothing
		d.worker.log.Error().Str("id", d.id).Str("action", d.kind.action).Err(err).Msg("a call that was not made could not be taken back")
	}
}

func (d *delivery) ending(begun record.Begun, v verdict, p performed) record.Ending {
	e := record.Ending{
		ID: d.id, Fence: begun.Fence, State: v.state, Code: v.code, Message: v.message, Class: string(v.class), RequestID: v.requestID,
		Counts: v.counts, Sent: v.sent, MayHaveRun: v.mayHaveRun && d.kind.mutates, Doubt: v.doubt, Suspect: v.suspect, Keep: d.worker.config.Keep,
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

// finish writes what came of the call, as long as this process lives: an outcome is never dropped for want of Redis.
func (d *delivery) finish(ctx context.Context, e record.Ending) {
	var verdict record.FinishVerdict
	err := d.worker.untilWritten(ctx, d.id, "finish", func(ctx context.Context) error {
		var err error
		verdict, err = d.worker.records.Finish(ctx, e)
		if shortage, ok := errors.AsType[*record.ShortageError](err); ok {
			d.sayUnreplicated(shortage)
			return nil
		}
		return err
	})
	if err == nil && (verdict == record.Done || verdict == record.Again) {
		d.observeEnd(e.State)
		return
	}
	log := d.worker.log.Error().Str("id", d.id).Str("action", d.kind.action).Str("state", string(e.State)).Str("code", e.Code)
	switch {
	case err != nil:
		log.Err(err).Msg("the outcome could not be written")
	case verdict == record.Surplus:
		d.worker.config.Observer.Surplus(d.kind.action)
		log.Msg("a surplus binding: the task has another one already; it is being unbound")
		d.compensate(ctx, e)
	case verdict == record.Gone && e.State == record.Succeeded && d.kind.mutates:
		log.Str("subs_id", e.SubsID).Str("request_id", e.RequestID).Msg("the call took effect, and redis has forgotten its task: " +
			"nobody is told of it; unbind what it bound, or keep its key from being enqueued again")
	default:
		log.Msg(fmt.Sprintf("the outcome came too late: the record is %s", verdict))
	}
}
