package worker

import (
	"context"
	"errors"
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
	worker      *Worker
	kind        kind
	account     *account // nil for one that this worker does not know
	accountName string   // its name in the record, "" for none
	id          string
	run         string
	permit      *permit       // nil where no call may leave now
	queue       string        // of asynq
	baseQueue   string        // the queue whose calls it takes up: all shards of one share them
	prepareSlot chan struct{} // nil while it neither gets ready for its call nor makes it
	callSlot    chan struct{} // nil while it makes none
	taskID      string        // of asynq
}

func (d *delivery) perform(ctx context.Context) error {
	if err := d.checkNoDataLoss(); err != nil {
		return d.requeue(ctx, err)
	}
	if err := d.account.traffic.breaker.Check(d.kind.action, ""); err != nil {
		return d.requeue(ctx, err) // without a call of others
	}
	if err := d.acquirePrepareSlot(ctx); err != nil {
		return d.requeue(ctx, err)
	}
	if err := d.awaitCall(ctx); err != nil { // before a permit is taken, which does not keep
		return d.requeue(ctx, err)
	}
	if err := d.acquirePermit(ctx); err != nil {
		return d.requeue(ctx, err)
	}
	defer d.permit.release(ctx)
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
		return d.onSettled(ctx, begun)
	case record.Busy:
		return later(begun.Busy+afterClaim, "another run is calling")
	case record.Settled:
		return d.settleWithoutCall(ctx, begun)
	case record.Foreign:
		return d.staleDelivery(ctx)
	case record.Unknown:
		d.worker.log.Error().Str("id", d.id).Str("action", d.kind.action).
			Msg("no record of this task: it was deleted, or its outcome is no longer kept")
		return archive(dypls.CodeInvalidPayload, dypls.Rejected)
	case record.Look:
		d.permit.release(ctx) // the calls of a look are others
		return d.reconcile(ctx, begun)
	case record.Go:
		if err := d.mayLeave(ctx, begun); err != nil {
			d.abort(ctx, begun)
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
		d.worker.logReplicaShortage(begun.Shortage)
		return later(redisAway, "too few replicas of redis know of its call")
	}
	return d.confirmNoDataLoss(ctx)
}

// checkNoDataLoss keeps a bind back while binds pause.
func (d *delivery) checkNoDataLoss() error {
	if d.kind.idempotent() {
		return nil
	}
	return d.worker.lossGuard.Check()
}

// confirmNoDataLoss keeps a bind back that was noted by a Redis that has not been asked yet what it remembers.
func (d *delivery) confirmNoDataLoss(ctx context.Context) error {
	if d.kind.idempotent() {
		return nil
	}
	err := d.worker.lossGuard.Confirm(ctx)
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
		ID: d.id, Run: d.run, Action: d.kind.action, Account: d.accountName, Lease: d.worker.timing.claimLease, Repeatable: d.kind.repeatable,
		Reads: !d.kind.mutates, MaxAttempts: d.kind.attempts, MaxCrashes: maxCrashes, LookAfter: d.worker.timing.reconcileAfter, Keep: d.worker.config.Keep,
	}
	err = d.worker.untilWritten(ctx, d.id, "begin", func(ctx context.Context) error {
		noted = time.Now()
		begun, err = d.worker.records.Begin(ctx, run)
		return err
	})
	return begun, noted, err
}
