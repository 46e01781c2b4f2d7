package worker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	backoffBase = time.Second
	backoffCap  = time.Minute

	deniedBase = 30 * time.Second
	deniedCap  = 5 * time.Minute
)

// notReady is when a recording that was not there is asked for again.
var notReady = []time.Duration{
	15 * time.Second,
	time.Minute,
	5 * time.Minute,
	15 * time.Minute,
	time.Hour,
}

// verdict is what an attempt means: for the record, and for the queue.
type verdict struct {
	state     record.State
	delay     time.Duration // until the next attempt, when waiting
	counts    bool          // it uses up an attempt
	sent      bool
	code      string
	class     dypls.Class
	message   string
	requestID string

	mayHaveRun bool         // it failed, and may have taken effect all the same
	doubt      record.Doubt // what the next run is to find out first
	suspect    bool
}

// decide translates what came of a call, once, into words of the record and the queue.
func (w *Worker) decide(k kind, begun record.Begun, err error) verdict {
	v := verdict{
		state:   record.Succeeded,
		counts:  true,
		sent:    true,
		code:    dypls.CodeOK,
		message: dypls.CodeOK,
	}
	e, failed := errors.AsType[*dypls.Error](err)
	if !failed {
		return v
	}
	v.code, v.class, v.message, v.requestID = e.Code, e.Class, e.Message, e.RequestID
	if v.message == "" && e.Err != nil {
		v.message = explanation(e.Code) + dypls.Scrub(e.Err.Error())
	}
	v.state = record.Failed
	v.mayHaveRun = mayHaveRun(e)
	v.sent = e.Code != dypls.CodeNotSent && e.Code != dypls.CodeInvalidPayload
	switch e.Class {
	case dypls.Throttled:
		v.wait(
			max(e.RetryAfter, jittered(0)),
			begun,
		) // the rate limiter has the rest: it waits in its place, for a token
		v.counts = false
	case dypls.NotReady:
		v.wait(notReady[min(begun.Uncounted, len(notReady)-1)], begun)
		v.counts = false
	case dypls.Denied:
		v.wait(growing(deniedBase, deniedCap, begun.Uncounted), begun)
		v.counts = false
	case dypls.Unavailable:
		if begun.Attempt < k.attempts {
			v.wait(jittered(begun.Attempt-1), begun)
		}
	case dypls.Uncertain:
		w.decideUncertain(&v, k, begun)
	case dypls.Rejected, dypls.Exhausted:
		v.counts = e.Code != dypls.CodeInvalidPayload
		decideRefused(&v, k, begun, e)
		w.awaitNumber(&v, begun)
	}
	decideFailed(&v, k, begun)
	return v
}

// decideUncertain: a call whose effect cannot be told from its answer is made again where that is
// harmless, looked for where the API can show it, and otherwise held, or sent once more if that is
// wanted.
func (w *Worker) decideUncertain(v *verdict, k kind, begun record.Begun) {
	v.mayHaveRun = true
	switch {
	case k.repeatable && begun.Attempt < k.attempts:
		v.wait(jittered(begun.Attempt-1), begun)
	case k.repeatable:
		v.state = record.Failed
	case k.findable(begun.Request):
		v.state, v.delay, v.doubt = record.Waiting, w.timing.reconcileAfter, record.DoubtCall
	case w.config.OnUncertain == UncertainRetry && !begun.Suspect:
		v.wait(w.timing.reconcileAfter, begun)
		v.suspect = true
	default:
		v.state = record.Uncertain
	}
}

// awaitNumber keeps a bind for which there is no number until one is freed, where that is wanted.
func (w *Worker) awaitNumber(v *verdict, begun record.Begun) {
	if w.config.OnNoNumber == NoNumberWait && v.class == dypls.Exhausted && v.state == record.Failed {
		v.wait(growing(deniedBase, deniedCap, begun.Uncounted), begun)
		v.counts = false
	}
}

// decideRefused: that a binding is not there is no failure of its removal where an earlier call of
// the same task may have removed it. Otherwise it proves nothing: the API answers so, too, for a
// SubsId of another X, or of nobody. Then it has to show more.
func decideRefused(v *verdict, k kind, begun record.Begun, e *dypls.Error) {
	switch {
	case k.removes && e.NotExist() && begun.MayHaveRun:
		v.gone("it was gone already, after an earlier call without an answer")
	case k.removes && e.NotExist() && k.findable(begun.Request):
		v.state, v.doubt = record.Waiting, record.DoubtRefusal
	}
}

// gone is the success of a removal that had nothing left to do.
func (v *verdict) gone(message string) {
	*v = verdict{
		state:     record.Succeeded,
		counts:    true,
		sent:      true,
		code:      dypls.CodeOK,
		message:   message,
		requestID: v.requestID,
	}
}

// decideFailed: a bind is told to have failed only where no call of it can have taken effect.
// BIND_CONFLICT, above all, may speak of the binding that an earlier call made.
func decideFailed(v *verdict, k kind, begun record.Begun) {
	switch mayHaveRun := begun.MayHaveRun || v.mayHaveRun; {
	case v.state != record.Failed || k.repeatable || !mayHaveRun:
	case k.findable(begun.Request):
		v.state, v.doubt = record.Waiting, record.DoubtRefusal
	case begun.Suspect:
		v.state, v.class, v.message = record.Uncertain, dypls.Uncertain, "refused, but an earlier call was not answered and may have taken effect: "+v.message
	}
}

func mayHaveRun(e *dypls.Error) bool {
	info, known := dypls.LookupCode(e.Code)
	return info.MayHaveRun || !known && e.Class == dypls.Uncertain
}

// explanation puts a cause, which may be as short as EOF, into words.
func explanation(code string) string {
	if info, known := dypls.LookupCode(code); known {
		return info.English + ": "
	}
	return ""
}

// wait lets the task be delivered again after d, or when its time is over: its owner is then told
// without delay.
func (v *verdict) wait(d time.Duration, begun record.Begun) {
	v.state, v.delay = record.Waiting, d
	if !begun.Deadline.IsZero() {
		v.delay = min(d, max(time.Until(begun.Deadline)+time.Second, 0))
	}
}

// jittered is full jitter: anything between nothing and an exponentially growing bound.
func jittered(n int) time.Duration {
	bound := int64(growing(backoffBase, backoffCap, n))
	return time.Duration(rand.Int64N(bound + 1)) //nolint:gosec // spreads load; guards nothing
}

func growing(base, most time.Duration, n int) time.Duration {
	const doublings = 20 // beyond which every cap here is reached
	return min(most, base<<min(n, doublings))
}

// forQueue is the verdict in asynq's words: done, retry later, or archive.
func (v verdict) forQueue() error {
	switch v.state {
	case record.Succeeded:
		return nil
	case record.Waiting:
		return &laterError{
			delay:   v.delay,
			reason:  codeAndClass(v.code, v.class) + ", to be tried again",
			failure: v.counts,
		}
	default:
		return archive(v.code, v.class)
	}
}

// laterError is an error that asks asynq to deliver the task again.
type laterError struct {
	delay   time.Duration
	reason  string
	failure bool // counted in asynq's statistics of failures
}

func (r *laterError) Error() string { return r.reason }

func later(delay time.Duration, reason string) error {
	return &laterError{delay: delay, reason: reason}
}

// archivedError is an error that asks asynq to keep the task among its failed ones, where a
// dashboard shows it.
type archivedError struct{ reason string }

func (a archivedError) Error() string { return a.reason }

// Unwrap makes asynq stop.
func (archivedError) Unwrap() error { return asynq.SkipRetry }

func archive(code string, class dypls.Class) error {
	return archivedError{codeAndClass(code, class)}
}

// archivedText is what asynq remembers of a task that archive has ended, and of no other.
var archivedText = regexp.MustCompile(`^\S* \(\w*\)$`)

func codeAndClass(code string, class dypls.Class) string {
	return fmt.Sprintf("%s (%s)", code, class)
}

// retryDelay implements asynq's RetryDelayFunc.
func retryDelay(_ int, err error, _ *asynq.Task) time.Duration {
	if r, ok := errors.AsType[*laterError](err); ok {
		return r.delay
	}
	return backoffBase // a delivery that asynq itself gave up; the record decides
}

// isFailure implements asynq's IsFailure.
func isFailure(err error) bool {
	if r, ok := errors.AsType[*laterError](err); ok {
		return r.failure
	}
	return true
}
