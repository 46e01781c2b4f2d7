package tasks

import (
	"cmp"
	"strconv"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// reason says why the task stands where it does.
func (e *Explanation) reason(d record.Detail, known bool) {
	switch {
	case d.State == record.Succeeded:
		e.because(whySucceeded)
	case d.State == record.Failed:
		e.because(whyFailed, d.Code, d.Class, dypls.Scrub(d.Message))
		e.remedy(remedyRun)
	case d.State == record.Uncertain:
		e.because(whyUncertain, d.Code, dypls.Scrub(d.Message))
		e.remedy(remedyResolve, e.ID)
	case !known:
		e.because(whyUnknownAction)
		e.remedy(remedyOtherOne)
	case d.State.Running():
		e.reasonOut(d)
	default:
		e.reasonWaiting(d)
	}
	e.reasonBeside(d)
}

// reasonBeside adds what else is to be known of where it stands.
func (e *Explanation) reasonBeside(d record.Detail) {
	if d.State.Told() && d.ResolvedBy != "" {
		e.because(whySettledBy, e.ResolvedBy)
	}
	e.reasonUndecryptable(d)
	if len(d.Surpluses) > 0 {
		e.because(whySurplus, strconv.Itoa(len(d.Surpluses)))
	}
	if !d.State.Told() && e.Remedies == nil && dypls.RefusesClock(d.Code) {
		e.remedy(remedyClock)
	}
	if !d.State.Told() && !d.InDoubt && !d.Deadline.IsZero() &&
		!d.Deadline.After(cmp.Or(e.Until, e.Delivery.At, e.At)) {
		e.because(whyExpires, dypls.CodeExpired)
	}
}

// reasonUndecryptable adds what does not open.
func (e *Explanation) reasonUndecryptable(d record.Detail) {
	if d.Undecryptable != nil {
		e.because(whySealed, d.Undecryptable.Error())
	}
	if d.State.Told() || e.Remedies != nil ||
		d.Undecryptable == nil && d.Code != dypls.CodeUndecryptable {
		return
	}
	e.remedy(remedyKeys)
	if !d.InDoubt {
		e.Remedies = append(e.Remedies, Clause{remedyLostKeys, []string{e.ID}})
	}
}

// reasonOut: a run is performing it, or was.
func (e *Explanation) reasonOut(d record.Detail) {
	now, lapsed := whyCalling, whyCallLapsed
	if d.State == record.Looking {
		now, lapsed = whyLooking, whyLookLapsed
	}
	e.Until = d.Claim
	if d.Claim.After(d.Now) {
		e.because(now)
		return
	}
	e.because(lapsed)
	e.unserved()
}

// reasonWaiting: nobody is performing it.
func (e *Explanation) reasonWaiting(d record.Detail) {
	switch e.Delivery.State {
	case asynq.TaskStateScheduled.String():
		e.because(whyScheduled)
		e.Until = e.Delivery.At
	case asynq.TaskStateRetry.String():
		e.waitsFor(d)
		e.Until = e.Delivery.At
	case asynq.TaskStatePending.String():
		e.because(whyPending)
	case asynq.TaskStateActive.String():
		e.because(whyActive)
	case asynq.TaskStateArchived.String(), asynq.TaskStateCompleted.String():
		e.because(whyPutAway)
	case deliveryUnreadable:
		e.because(whyUnreadable)
	default:
		e.because(whyGone)
	}
	e.unserved()
}

// waitsFor says why the latest attempt was not the last.
func (e *Explanation) waitsFor(d record.Detail) {
	switch {
	case d.Code == dypls.CodeUndecryptable:
		e.because(whyUndecryptable, d.Message)
	case d.InDoubt && d.Refusal != "":
		e.because(whyRefused, d.Refusal)
	case d.InDoubt:
		e.because(whyNoAnswer, strconv.Itoa(d.Looks))
	case d.Code == "": // nobody has begun it
		e.because(whyHeldByAnother)
	default:
		e.because(whyRetry, d.Code, d.Class)
	}
}

// unserved adds what keeps a delivery from being fetched.
func (e *Explanation) unserved() {
	switch {
	case e.Delivery.Paused:
		e.because(whyPaused)
		e.remedy(remedyResume, e.Delivery.Queue)
	case e.Delivery.Servers == 0:
		e.because(whyUnserved)
		e.remedy(remedyStart)
	}
	if e.Remedies != nil {
		e.Until = time.Time{}
	}
}
