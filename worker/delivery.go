package worker

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
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
	queue       string    // of asynq
	baseQueue   string    // the queue whose calls it takes up: all shards of one share them
	taskID      string    // of asynq
	arrived     time.Time // the zero time where nothing is traced

	// What the gates have found and acquired.
	permit       *permit       // nil where no call may leave now
	prepareSlot  chan struct{} // nil while it neither gets ready for its call nor makes it
	callSlot     chan struct{} // nil while it makes none
	begun        record.Begun
	noted        time.Time      // a moment before the claim was granted
	started      time.Time      // when it had its call slot
	updateLock   *record.Change // nil where it needs none
	number       *number        // nil where its bind takes none of an inventory
	expiry       *prolonged     // nil where the inventory was told of none
	endSlowStart func()

	span tracing.Span // of a run that has begun
}

// perform takes a delivery through the gates of one run, in this order, and then makes its call.
// The table of gates in docs/architecture.md has the same order: a test compares them. The gates
// that cost nobody anything come first, and what does not keep, such as a token, is acquired late.
func (d *delivery) perform(ctx context.Context) error {
	defer d.release(ctx)
	err := pass(
		ctx,
		d.checkAccount,
		d.checkNoDataLoss,
		d.checkBreaker,
		d.acquirePrepareSlot,
		d.acquireCallSlotEarly,
		d.acquirePermit,
	)
	if err != nil {
		if requeued := d.requeue(ctx, err); requeued != nil {
			return requeued
		}
	}
	err = pass(
		ctx,
		d.begin,
		d.reconcile,
		d.checkPermit,
		d.checkReplicas,
		d.confirmNoDataLoss,
		d.acquireCallSlot,
		d.resolveBind,
		d.acquireUpdateLock,
		d.leaseNumber,
		d.prolongNumber,
		d.acquireSlowStart,
	)
	if err != nil {
		return d.endWithoutCall(ctx, err)
	}
	d.traceQueueWait(ctx, d.begun, d.noted)
	return d.attempt(ctx)
}

// pass goes through gates until one returns an error. The error says when to come back
// (retryAfter), what became of the task instead of a call (decidedError), or what asynq is told of
// a run that has ended (endedError); any other is the context's.
func pass(ctx context.Context, gates ...func(context.Context) error) error {
	for _, gate := range gates {
		if err := gate(ctx); err != nil {
			return err
		}
	}
	return nil
}

// decidedError is the error of a gate that has decided on the task without a call.
type decidedError struct{ verdict verdict }

func (e *decidedError) Error() string { return e.verdict.message }

// endedError is the error of a gate that has ended the run. told is what asynq is told: nil for
// done.
type endedError struct{ told error }

func (e *endedError) Error() string { return "the run has ended" }

// release gives back what the run has not used up.
func (d *delivery) release(ctx context.Context) {
	d.permit.release(ctx)
	d.releaseSlots()
	d.span.End()
}

// checkNoDataLoss keeps a bind back while binds pause.
func (d *delivery) checkNoDataLoss(context.Context) error {
	if d.kind.idempotent() {
		return nil
	}
	return d.worker.lossGuard.Check()
}

// checkBreaker keeps a call back that others would be denied, too.
func (d *delivery) checkBreaker(context.Context) error {
	return d.account.traffic.breaker.Check(d.kind.action, "")
}

// confirmNoDataLoss keeps a bind back that was noted by a Redis that has not been asked yet what it
// remembers.
func (d *delivery) confirmNoDataLoss(ctx context.Context) error {
	if d.kind.idempotent() {
		return nil
	}
	if err := d.worker.lossGuard.Confirm(ctx); err != nil {
		return orRedisAway(err)
	}
	return nil
}

// begin asks the record for leave to call, until there is an answer: a claim that might have been
// granted must not be left behind, or its task would be held as uncertain. A run that has nothing
// to call ends here. The leave of one whose request does not open is handed back.
func (d *delivery) begin(ctx context.Context) error {
	run := record.Run{
		ID:          d.id,
		Run:         d.run,
		Action:      d.kind.action,
		Account:     d.accountName,
		Lease:       d.worker.timing.claimLease,
		Repeatable:  d.kind.repeatable,
		Reads:       !d.kind.mutates,
		MaxAttempts: d.kind.attempts,
		MaxCrashes:  maxCrashes,
		LookAfter:   d.worker.timing.reconcileAfter,
		Keep:        d.worker.agreed.Keep(),
	}
	err := d.worker.untilWritten(ctx, d.id, "begin", func(ctx context.Context) (err error) {
		d.noted = time.Now()
		d.begun, err = d.worker.records.Begin(ctx, run)
		return err
	})
	if err != nil {
		return &endedError{later(redisAway, "redis is out of reach")}
	}
	d.startSpan(ctx)
	switch d.begun.Verdict {
	case record.Finished:
		return d.onSettled(ctx)
	case record.Busy:
		return &endedError{later(d.begun.Busy+afterClaim, "another run is calling")}
	case record.Settled:
		return &endedError{d.settleWithoutCall(ctx, d.begun)}
	case record.Foreign:
		return &endedError{d.staleDelivery(ctx)}
	case record.Unknown:
		d.log().Error().Str("id", d.id).Str("action", d.kind.action).
			Msg("record not found; task deleted or past its retention")
		return &endedError{archive(dypls.CodeInvalidPayload, dypls.Rejected)}
	case record.Go, record.Look:
	}
	return d.checkDecryptable(ctx)
}

// checkPermit keeps a call back that did not pass the gates before begin: its run came to see
// whether the task is over.
func (d *delivery) checkPermit(context.Context) error {
	if d.permit == nil {
		return &retryLaterError{delay: redisAway, reason: "its call may not leave yet"}
	}
	return nil
}

// checkReplicas keeps a call back that a failover could forget.
func (d *delivery) checkReplicas(context.Context) error {
	if d.begun.Shortage == nil {
		return nil
	}
	d.worker.logReplicaShortage(d.begun.Shortage)
	return &retryLaterError{delay: redisAway, reason: "too few replicas of redis know of its call"}
}

// undecryptableAgain is about when a task whose request does not open is offered again: to any
// worker, one that has the key among them.
const undecryptableAgain = 30 * time.Second

// heldError is the error of a gate that keeps a task back until somebody mends something. Nothing
// of the run has left, and it uses up nothing of the task.
type heldError struct {
	hold  record.Hold
	delay time.Duration
}

func (e *heldError) Error() string { return e.hold.Code + ": " + e.hold.Message }

// checkDecryptable keeps a task back whose request does not open: a key is missing here, or is
// another one, or the record was changed. Another worker may open it, and so may this one once it
// has the key; so nothing is decided, until the task's time is over. A task of which an earlier
// call may have taken effect is given to a person after a day, as one whose looks fail.
func (d *delivery) checkDecryptable(ctx context.Context) error {
	why := d.begun.Undecryptable
	if why == nil {
		return nil
	}
	d.noteUndecryptable(why)
	if d.begun.Verdict == record.Look && time.Since(d.begun.Since) > reconcileAtMost {
		v := verdict{
			state:  record.Uncertain,
			counts: true,
			sent:   true,
			code:   dypls.CodeUndecryptable,
			class:  dypls.Uncertain,
			message: "an earlier call may have taken effect, and could not be looked for within a day: " +
				why.Error(),
		}
		d.finish(ctx, d.ending(d.begun, v, performed{}))
		return &endedError{v.forQueue()}
	}
	return d.worker.undecryptable(why)
}

// undecryptable holds a task back for a value that does not open.
func (w *Worker) undecryptable(why error) *heldError {
	again := cmp.Or(w.timing.undecryptableAgain, undecryptableAgain)
	pause := again/2 + rand.N(again) //nolint:gosec,mnd // spreads load; guards nothing
	return &heldError{record.Hold{Code: dypls.CodeUndecryptable, Message: why.Error()}, pause}
}

// noteUndecryptable counts a task that is held back so, and logs it now and then: with a key all of
// its tasks are held.
func (d *delivery) noteUndecryptable(why error) {
	w := d.worker
	u := Undecryptable{TaskID: d.id, Account: d.accountName, Action: d.kind.action}
	if missing, is := errors.AsType[*seal.MissingKeyError](why); is {
		u.MissingKey = missing.KeyID
	}
	w.config.Trace.undecryptable(u)
	last, now := w.undecryptableLogged.Load(), time.Now().UnixNano()
	if now-last > int64(logEvery) && w.undecryptableLogged.CompareAndSwap(last, now) {
		w.log.Error().Str("id", d.id).Str("action", d.kind.action).Err(why).
			Msg("task held: what is recorded does not open (others like it are not logged); see dyplsq keys status")
	}
}
