package tasks

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// idProblem is what is wrong with a task's id that is none.
func idProblem(field, id string) dypls.Problem {
	if p, found := dypls.SpaceProblem(field, id); found {
		return p
	}
	return dypls.Problem{Field: field, Rule: asynqwire.IDRule, Remedy: "take another key"}
}

// CheckID says what keeps a text from being a task's id, as a *dypls.ValidationError.
func CheckID(id string) error {
	if asynqwire.IsID(id) {
		return nil
	}
	return &dypls.ValidationError{Problems: []dypls.Problem{idProblem("TaskID", id)}}
}

// draft is a task on its way into the queue.
type draft struct {
	action     string
	policy     Policy
	request    dypls.Request
	parameters dypls.Parameters
	options    options
	record     record.New
	found      record.Created
	inTime     bool // it breaks no rule, not even one that depends on the time
	afterBind  bool // the bind that it names is new in the same batch, and recorded first
	origin     tracing.Origin
	err        error
}

func newDraft(action string, policy Policy, request dypls.Request, opts []Option) *draft {
	d := &draft{action: action, policy: policy, request: request}
	for _, set := range opts {
		set(&d.options)
	}
	return d
}

// prepare applies the rules that hold at any time and makes the record. What depends on the time is
// checked by checkTimes.
func (d *draft) prepare(now time.Time, keys *Keys) {
	if !d.options.keyed {
		id, err := uuid.NewV7()
		if err != nil {
			d.err = fmt.Errorf("make an id: %w", err)
			return
		}
		d.options.id = id.String()
	}
	var err error
	d.parameters, err = dypls.Examine(d.request, now)
	if d.inTime = err == nil; !d.inTime {
		err = d.validate()
	}
	d.err = join(err, d.problems())
	if d.err != nil {
		return
	}
	request, err := json.Marshal(d.request)
	if err != nil {
		d.err = fmt.Errorf("encode the request: %w", err)
		return
	}
	scheduled := d.scheduled(now)
	sealing, other := keys, (*Keys)(nil)
	if !keys.Seals() {
		sealing, other = nil, keys
	}
	d.record = record.New{
		ID:          d.options.id,
		Action:      d.action,
		Account:     d.account(),
		Request:     request,
		Fingerprint: record.FingerprintOf(sealing, d.options.id, d.action, d.fingerprinted()),
		ProcessAt:   scheduled,
		Deadline:    d.policy.deadline(d.parameters, scheduled, value(d.options.within)),
		Undoing:     d.undoing(),
		Undoes:      d.options.bindTask,
		Callback:    value(d.options.callback),
		Origin:      d.origin,
	}
	if keys.On() {
		d.record.Other = func() record.Fingerprint {
			return record.FingerprintOf(other, d.options.id, d.action, d.fingerprinted())
		}
	}
}

func (d *draft) scheduled(now time.Time) time.Time {
	if !d.options.processAt.IsZero() {
		return d.options.processAt
	}
	return now.Add(d.options.processIn)
}

// checkTimes applies the rules that depend on the time. They matter only while the key is new: to
// ask again what came of an old request is never wrong.
func (d *draft) checkTimes(now time.Time) {
	scheduled := d.scheduled(now)
	if scheduled.Before(now) {
		scheduled = now
	}
	var err error
	// What must lie ahead does so when the task starts; what must have happened has happened now.
	if !d.options.undoes && scheduled.After(now) {
		err = dypls.ValidateAt(d.request, scheduled)
	}
	if !d.options.undoes && err == nil && !d.inTime {
		err = dypls.ValidateAt(d.request, now)
	}
	if err = join(err, d.policy.startProblems(d.options.processAt, now)); err != nil {
		d.err = err
		return
	}
	// A deadline that the caller gave is told as an outcome, one that follows from the request is
	// known now.
	if ends := d.policy.deadline(d.parameters, scheduled, 0); !ends.IsZero() &&
		!ends.After(scheduled) {
		d.err = join(nil, []dypls.Problem{d.policy.overdue()})
	}
}

// problems is what is wrong with the options.
func (d *draft) problems() []dypls.Problem {
	var problems []dypls.Problem
	if !asynqwire.IsID(d.options.id) {
		problems = append(problems, idProblem("TaskID", d.options.id))
	}
	for _, number := range d.parameters.Personal() {
		// An id of our own making holds a short number, such as 400, now and then by chance.
		if d.options.keyed && len(number) >= 3 && strings.Contains(d.options.id, number) {
			problems = append(problems, dypls.Problem{
				Field:  "TaskID",
				Rule:   "must not contain a telephone number of the request",
				Remedy: "take another key, such as your order's number",
			})
			break
		}
	}
	problems = append(problems, setting.ProcessIn.Check("ProcessIn", d.options.processIn)...)
	if d.options.within != nil {
		problems = append(problems, setting.Within.Check("Within", *d.options.within)...)
	}
	if name := d.options.callback; name != nil {
		const remedy = "give the name that the sender of callbacks knows the endpoint by, or leave it out"
		problems = append(problems, nameProblems(callbackField, *name, remedy)...)
	}
	return append(append(problems, d.accountProblems()...), d.bindTaskProblems()...)
}

// join reports a request's and its options' problems as one.
func join(err error, problems []dypls.Problem) error {
	if len(problems) == 0 {
		return err
	}
	if invalid, ok := errors.AsType[*dypls.ValidationError](err); ok {
		problems = append(invalid.Problems, problems...)
	}
	return &dypls.ValidationError{Problems: problems}
}

// value is what an option was given, or nothing.
func value[T any](given *T) (v T) {
	if given != nil {
		v = *given
	}
	return v
}
