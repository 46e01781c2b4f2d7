package worker

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	// verificationsNeeded is how many looks must find nothing before a call counts as without
	// effect.
	verificationsNeeded = 2
	// renewals is how often a run that looks renews its claim within one lease.
	renewals = 4
	// verificationsPerAge spaces looks that fail: the next one comes after this part of the time
	// since the first call.
	verificationsPerAge = 4
	// reconcileAtMost is how long looking may fail before a person has to settle the task.
	reconcileAtMost = 24 * time.Hour
)

// reconcile finds out whether an earlier call of the task, which is in doubt, took effect, and ends
// the run. It changes nothing at the API.
func (d *delivery) reconcile(ctx context.Context) error {
	begun := d.begun
	if begun.Verdict != record.Look {
		return nil
	}
	d.permit.release(ctx) // the calls of a look are others
	if err := d.waitForCallSlot(ctx, time.Now()); err != nil {
		return err
	}
	started := time.Now()
	lookCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	go d.renew(lookCtx, begun)
	var finding dypls.Finding
	var found performed
	x, request, err := d.leasedBefore(ctx, begun)
	if err == nil {
		err = d.checkTellable(ctx, request)
	}
	if err == nil {
		begun.Request = request
		finding, found, err = d.find(lookCtx, begun)
	}
	d.callEnded(time.Since(started))
	v := d.worker.decideReconciled(d.kind, begun, finding, err)
	d.worker.logReconciliation(d, begun, v, finding, err, time.Since(started))
	d.publish(ctx, x, begun, v, found)
	return &endedError{v.forQueue()}
}

func (d *delivery) find(
	ctx context.Context,
	begun record.Begun,
) (finding dypls.Finding, found performed, err error) {
	defer func() {
		if p := recover(); p != nil { // asynq would show what it says, numbers included, to everybody
			d.worker.logPanic(d, p)
			finding, found, err = "", performed{}, d.panicError()
		}
	}()
	return d.kind.find(ctx, d.caller(), begun.Request, begun.Since)
}

// renew keeps the claim: looking may take many calls.
func (d *delivery) renew(ctx context.Context, begun record.Begun) {
	tick := time.NewTicker(d.worker.timing.claimLease / renewals)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		lease := d.worker.timing.claimLease
		if held, err := d.worker.records.Renew(ctx, d.id, begun.Fence, lease); err == nil && !held {
			return
		}
	}
}

// decideReconciled decides what a look means for the task. A look uses up no attempt.
func (w *Worker) decideReconciled(
	k kind,
	begun record.Begun,
	finding dypls.Finding,
	err error,
) verdict {
	v := verdict{
		state: record.Waiting, counts: true, sent: true, code: dypls.CodeNoAnswer, class: dypls.Uncertain,
		message: "looking for the effect of an earlier call",
	}
	switch {
	case errors.Is(err, errUnsent):
		return verdict{
			state:   record.Waiting,
			doubt:   record.DoubtCleared,
			code:    dypls.CodeNotSent,
			class:   dypls.Unavailable,
			message: err.Error(),
		}
	case errors.Is(err, errNoAccount): // one that knows it can look
		v.delay, v.doubt, v.message = w.unknownAccountPause(), record.DoubtKept, "looking is left to a worker that knows the account"
	case errors.Is(err, errNoKeys): // one that has them can tell what it sees
		v.delay, v.doubt, v.message = w.unknownAccountPause(), record.DoubtKept, "looking is left to a worker that has the keys"
	case err != nil:
		v.verificationFailed(begun, err)
	case finding == dypls.Found && k.removes:
		v.gone("the binding was over already: it has expired, or was removed")
	case finding == dypls.Found:
		return verdict{
			state:   record.Succeeded,
			counts:  true,
			sent:    true,
			code:    dypls.CodeOK,
			message: "an earlier call took effect",
		}
	case finding == dypls.Absent:
		w.decideAbsent(&v, k, begun)
	default:
		w.decideUnknowable(&v, begun)
	}
	if k.removes && v.state == record.Failed {
		v.message = nothingRemoved
		if finding == dypls.Absent {
			v.message = stillBound
		}
	}
	return v
}

// What is told of a removal that the API refused because the binding is not there.
const (
	nothingRemoved = "nothing was removed: the API knows no binding of this SubsId on this X. Compare both with what the bind answered; " +
		"it may have been removed before"
	stillBound = "nothing was removed: the API answered that there is no such binding, and shows it nevertheless. Unbind it again under a new key"
)

// verificationFailed: nothing is known, and the run looks again later.
func (v *verdict) verificationFailed(begun record.Begun, err error) {
	if time.Since(begun.Since) > reconcileAtMost {
		v.state, v.message = record.Uncertain, "an earlier call may have taken effect, and looking for it has failed for a day"
		return
	}
	// A failed look leaves no count behind: how long it has been going on tells how soon the next
	// one is of use.
	v.doubt = record.DoubtKept
	v.delay = min(max(time.Since(begun.Since)/verificationsPerAge, backoffBase), deniedCap)
	if e, ok := errors.AsType[*dypls.Error](err); ok {
		v.delay = max(v.delay, e.RetryAfter)
		v.message = "looking failed: " + cmp.Or(e.Message, e.Code)
	}
}

// decideAbsent: seen often enough, no call took effect.
func (w *Worker) decideAbsent(v *verdict, k kind, begun record.Begun) {
	switch {
	case begun.Looks+1 < verificationsNeeded:
		v.delay, v.doubt = w.timing.verifyAgainAfter, record.DoubtAbsent
	case begun.Refusal != "":
		v.refuse(begun.Refusal)
	case isOver(begun.Deadline):
		v.refuse(dypls.CodeExpired)
	case begun.Attempt >= k.attempts:
		v.state, v.class, v.message = record.Failed, dypls.Unavailable, "no call was answered, and none took effect"
	default:
		v.doubt = record.DoubtCleared
	}
}

// decideUnknowable: the API cannot show whether a call took effect.
func (w *Worker) decideUnknowable(v *verdict, begun record.Begun) {
	switch {
	case begun.Refusal != "" && !begun.Suspect: // every call was answered
		v.refuse(begun.Refusal)
	case w.config.OnUncertain == UncertainRetry && !begun.Suspect:
		v.doubt, v.suspect = record.DoubtCleared, true
	default:
		v.state, v.message = record.Uncertain, "an earlier call was not answered, and the API cannot show whether it took effect"
	}
}

// refuse fails with a code that was only looked into.
func (v *verdict) refuse(code string) {
	info, _ := dypls.LookupCode(code)
	v.state, v.code = record.Failed, code
	v.class, v.message = cmp.Or(info.Class, dypls.Rejected), cmp.Or(info.English, code)
}

func isOver(deadline time.Time) bool { return !deadline.IsZero() && !time.Now().Before(deadline) }
