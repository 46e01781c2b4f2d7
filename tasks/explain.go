package tasks

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// Explanation is what happened to a task, and why it stands where it does, as an operator may see
// it: every number in it is masked. Times are in UTC, by Redis' clock.
type Explanation struct {
	View

	At        time.Time `json:"at"`                  // when this was so
	ProcessAt time.Time `json:"process_at,omitzero"` // when it was meant to run
	Deadline  time.Time `json:"deadline,omitzero"`   // after which no call starts
	KeptUntil time.Time `json:"kept_until,omitzero"`

	// Why says in a sentence why the task is not over, or what ended it; Until when that changes by
	// itself, as far as that can be told; Remedy what a person may do, "" for nothing.
	Why    string    `json:"why"`
	Until  time.Time `json:"until,omitzero"`
	Remedy string    `json:"remedy,omitempty"`
	// Reasons and Remedies are what Why and Remedy say, for who says it in another language.
	Reasons  []Clause `json:"-"`
	Remedies []Clause `json:"-"`

	Delivery Delivery  `json:"delivery"`
	Claim    time.Time `json:"claim_until,omitzero"` // of the run that is performing it
	Doubt    *Doubt    `json:"doubt,omitempty"`      // about the effect of an earlier call
	// MayHaveRun: a call may have taken effect although the API said otherwise, or nothing.
	MayHaveRun bool `json:"may_have_run,omitempty"`
	// called again although an earlier call could not be looked up
	Suspect    bool   `json:"suspect,omitempty"`
	Crashes    int    `json:"crashes,omitempty"` // workers that ended in a row while performing it
	Surpluses  int    `json:"surplus_bindings,omitempty"`
	ResolvedBy string `json:"resolved_by,omitempty"`
	ReopenedBy string `json:"reopened_by,omitempty"`

	// Steps are the latest things that happened to it, the oldest first. One that succeeded at once
	// has none.
	Steps []Step `json:"steps"`
	// Forgotten: there were earlier ones.
	Forgotten bool `json:"forgotten,omitempty"`
}

// Doubt is what is known of an earlier call whose effect has to be found out.
type Doubt struct {
	Since   time.Time `json:"since,omitzero"` // the call, or the latest look
	Looks   int       `json:"looks"`          // that found nothing
	Refusal string    `json:"refusal,omitempty"`
}

// Step is one thing that happened to a task.
type Step struct {
	At time.Time `json:"at"`
	// Kind is call | look | late (an answer after another run took over) | cut (its worker ended) |
	// cutlook | resolved | reopened.
	Kind    string      `json:"kind"`
	Attempt int         `json:"attempt,omitempty"`
	Counts  bool        `json:"counts"` // whether it used up an attempt
	TookMS  int64       `json:"took_ms,omitempty"`
	Code    string      `json:"code,omitempty"`
	Class   dypls.Class `json:"class,omitempty"`
	// with resolved: succeeded, failed, or queued to let it run again
	As        string `json:"as,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// Explain tells what happened to a task. Its errors are [ErrUnknownTask], [ErrUnreachable] and
// ctx's.
func (q *Queue) Explain(ctx context.Context, id string) (Explanation, error) {
	detail, err := q.records.Detail(ctx, id)
	if err != nil {
		return Explanation{}, q.failure(ctx, err)
	}
	if detail.State == "" {
		return Explanation{}, fmt.Errorf("task %s: %w", id, ErrUnknownTask)
	}
	e := explanationOf(detail)
	kind, known := Lookup(detail.Action)
	e.MayHaveRun = e.MayHaveRun && !kind.reads // a look-up that ran twice has changed nothing
	if known {
		queue, err := q.dispatch.Holder(ctx, kind.Queue(), id, detail.Delivery)
		if err != nil {
			return Explanation{}, q.failure(ctx, err)
		}
		if e.Delivery, err = q.delivery(ctx, queue, id, detail.Delivery); err != nil {
			return Explanation{}, q.failure(ctx, err)
		}
	}
	e.reason(detail, known)
	if err := q.explainAccount(ctx, &e, detail); err != nil {
		return Explanation{}, q.failure(ctx, err)
	}
	if err := q.explainBreaker(ctx, &e, detail); err != nil {
		return Explanation{}, q.failure(ctx, err)
	}
	e.say()
	return e, nil
}

func explanationOf(d record.Detail) Explanation {
	e := Explanation{
		View:       viewOf(d.Record),
		At:         d.Now,
		ProcessAt:  d.ProcessAt,
		Deadline:   d.Deadline,
		KeptUntil:  d.KeptUntil,
		Claim:      d.Claim,
		MayHaveRun: d.MayHaveRun,
		Suspect:    d.Suspect,
		Crashes:    d.Crashes,
		Surpluses:  len(d.Surpluses),
		ResolvedBy: dypls.Scrub(d.ResolvedBy),
		ReopenedBy: dypls.Scrub(d.ReopenedBy),
		Steps:      []Step{},
		Forgotten:  len(d.History) == record.MaxSteps && d.History[0].Attempt != 1,
	}
	if d.InDoubt {
		e.Doubt = &Doubt{Since: d.DoubtAt, Looks: d.Looks, Refusal: d.Refusal}
	}
	for _, s := range d.History {
		step := Step{
			At:        s.At,
			Kind:      string(s.Kind),
			Attempt:   s.Attempt,
			Counts:    s.Counts,
			TookMS:    s.Took.Milliseconds(),
			Code:      dypls.Scrub(s.Code),
			Class:     dypls.Class(s.Class),
			RequestID: s.RequestID,
		}
		if s.Kind == record.StepResolved {
			step.Class, step.As = "", s.Class
		}
		e.Steps = append(e.Steps, step)
	}
	return e
}
