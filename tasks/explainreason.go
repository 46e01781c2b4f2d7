package tasks

import (
	"cmp"
	"fmt"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// redelivered is about how long the workers take to notice that a task has no delivery.
const redelivered = "a worker makes the next one within about half a minute"

// reason says why the task stands where it does.
func (e *Explanation) reason(d record.Detail, known bool) {
	switch {
	case d.State == record.Succeeded:
		e.Why = "it succeeded"
	case d.State == record.Failed:
		e.Why = fmt.Sprintf("it failed: %s (%s): %s", d.Code, d.Class, dypls.Scrub(d.Message))
		e.Remedy = "dyplsq codes tells what the code means; Run in the dashboard tries it again with all its attempts"
	case d.State == record.Uncertain:
		e.Why = fmt.Sprintf(
			"held: it may have taken effect, and nobody can tell: %s: %s",
			d.Code,
			dypls.Scrub(d.Message),
		)
		e.Remedy = fmt.Sprintf(
			"find out, then settle it: dyplsq resolve %s --succeeded JSON | --failed | --retry",
			e.ID,
		)
	case !known:
		e.Why, e.Remedy = "this version does not know its action", "look with the version that enqueued it"
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
		e.Why += "; settled by " + e.ResolvedBy
	}
	e.reasonUndecryptable(d)
	if len(d.Surpluses) > 0 {
		e.Why += fmt.Sprintf(
			"; it made %d surplus bindings, which are unbound by tasks of their own",
			len(d.Surpluses),
		)
	}
	if !d.State.Told() && e.Remedy == "" && dypls.RefusesClock(d.Code) {
		e.Remedy = dypls.ClockRemedy
	}
	if !d.State.Told() && !d.InDoubt && !d.Deadline.IsZero() &&
		!d.Deadline.After(cmp.Or(e.Until, e.Delivery.At, e.At)) {
		e.Why += "; its time is over then, and no call starts any more: it fails as " + dypls.CodeExpired
	}
}

// reasonUndecryptable adds what does not open.
func (e *Explanation) reasonUndecryptable(d record.Detail) {
	if d.Undecryptable != nil {
		e.Why += "; what is recorded of it does not open here: " + d.Undecryptable.Error()
	}
	if d.State.Told() || e.Remedy != "" || d.Undecryptable == nil && d.Code != dypls.CodeUndecryptable {
		return
	}
	e.Remedy = "dyplsq keys status tells which keys are missing; with its key it goes on by itself within a minute"
	if !d.InDoubt {
		e.Remedy += ". Where the key is lost: dyplsq cancel " + e.ID
	}
}

// reasonOut: a run is performing it, or was.
func (e *Explanation) reasonOut(d record.Detail) {
	doing := "calling"
	if d.State == record.Looking {
		doing = "looking for the effect of an earlier call"
	}
	e.Until = d.Claim
	if d.Claim.After(d.Now) {
		e.Why = "a worker is " + doing + "; its claim holds until then"
		return
	}
	e.Why = "the worker that was " + doing + " has ended without a word: another one takes over with the next delivery"
	e.unserved()
}

// reasonWaiting: nobody is performing it.
func (e *Explanation) reasonWaiting(d record.Detail) {
	switch e.Delivery.State {
	case asynq.TaskStateScheduled.String():
		e.Why, e.Until = "it is to start later", e.Delivery.At
	case asynq.TaskStateRetry.String():
		e.Why, e.Until = e.waitsFor(d), e.Delivery.At
	case asynq.TaskStatePending.String():
		e.Why = "it is due, and waits for a worker to fetch it"
	case asynq.TaskStateActive.String():
		e.Why = "a worker has fetched it, and is about to begin, or waits for a slot in the quota"
	case asynq.TaskStateArchived.String(), asynq.TaskStateCompleted.String():
		e.Why = "its delivery was put away by hand: " + redelivered
	case deliveryUnreadable:
		e.Why = "its delivery cannot be read: a worker sets it aside and makes the next one within about half a minute"
	default:
		e.Why = "it has no delivery, whoever was to make it has ended: " + redelivered
	}
	e.unserved()
}

// waitsFor is why the latest attempt was not the last.
func (e *Explanation) waitsFor(d record.Detail) string {
	switch {
	case d.Code == dypls.CodeUndecryptable:
		return "its request does not open, so that no call leaves: " + d.Message
	case d.InDoubt && d.Refusal != "":
		return fmt.Sprintf(
			"it was refused (%s), and an earlier call may have taken effect: it is looked for then, which makes no call",
			d.Refusal,
		)
	case d.InDoubt:
		return fmt.Sprintf(
			"a call had no answer: whether it took effect is looked for then, before any other call (%d looks found nothing so far)",
			d.Looks,
		)
	case d.Code == "": // nobody has begun it
		return "another worker held it: it is offered again then"
	}
	return fmt.Sprintf("the latest attempt ended as %s (%s): it is tried again then", d.Code, d.Class)
}

// unserved adds what keeps a delivery from being fetched.
func (e *Explanation) unserved() {
	switch {
	case e.Delivery.Paused:
		e.Why += "; its queue is paused"
		e.Remedy = "dyplsq resume " + e.Delivery.Queue
	case e.Delivery.Servers == 0:
		e.Why += "; no worker serves its queue"
		e.Remedy = "start one: dyplsq worker"
	}
	if e.Remedy != "" {
		e.Until = time.Time{}
	}
}
