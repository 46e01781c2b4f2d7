package tasks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

// State is what a task's owner is told.
type State string

// The states of an outcome.
const (
	StatePending   State = "pending"
	StateSucceeded State = "succeeded"
	StateFailed    State = "failed"
	StateUncertain State = "uncertain" // whether it took effect cannot be told
	StateUnknown   State = "unknown"   // nothing is recorded under this id
)

// Outcome is what came of a task. Its JSON is a contract.
type Outcome struct {
	ID        string      `json:"id"`
	Action    string      `json:"action"`
	Account   string      `json:"account,omitempty"` // "" for the default account
	State     State       `json:"state"`
	Attempts  int         `json:"attempts"` // calls that count
	Calls     int         `json:"calls"`    // HTTPS requests of this action
	Code      string      `json:"code"`     // the API's, or dyplsq.* where no answer decided
	Message   string      `json:"message"`  // numbers in it are masked
	Class     dypls.Class `json:"class"`
	RequestID string      `json:"request_id"`
	// only when succeeded: the API's own response fields
	Result json.RawMessage `json:"result,omitempty"`
	// EnqueuedAt and FinishedAt are in UTC, to the millisecond. FinishedAt is set only at the end.
	EnqueuedAt time.Time `json:"enqueued_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
	// Undecryptable says why the result of a success does not open, which is left out then; "" where
	// it does.
	Undecryptable string `json:"undecryptable,omitempty"`
	// Callback is the endpoint that the task named by [Callback], "" for none.
	Callback string `json:"-"`
	// TraceParent and TraceState are the span in which the task was enqueued, as W3C's Trace Context
	// writes it, for spans that link to it; "" where it was not traced.
	TraceParent string `json:"-"`
	TraceState  string `json:"-"`
}

// milliseconds is how times stand in an outcome's JSON: RFC 3339 in UTC, always with three
// decimals.
const milliseconds = "2006-01-02T15:04:05.000Z"

// MarshalJSON writes the outcome as other programs rely on it.
func (o Outcome) MarshalJSON() ([]byte, error) {
	type fields Outcome
	written := struct {
		fields
		EnqueuedAt string `json:"enqueued_at,omitempty"`
		FinishedAt string `json:"finished_at,omitempty"`
	}{fields: fields(o)}
	if !o.EnqueuedAt.IsZero() {
		written.EnqueuedAt = o.EnqueuedAt.UTC().Format(milliseconds)
	}
	if !o.FinishedAt.IsZero() {
		written.FinishedAt = o.FinishedAt.UTC().Format(milliseconds)
	}
	return marshal(written)
}

// marshal is json.Marshal without its precautions for web pages, which would garble links.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Err returns what the operation, called directly, would have: nil for a success, [ErrPending],
// [ErrUnknownTask], [ErrUndecryptable], or a *dypls.Error.
func (o Outcome) Err() error {
	switch o.State {
	case StateSucceeded:
		if o.Undecryptable != "" {
			return fmt.Errorf("its result: %w: %s", ErrUndecryptable, o.Undecryptable)
		}
		return nil
	case StatePending:
		return ErrPending
	case StateUnknown:
		return ErrUnknownTask
	case StateFailed, StateUncertain:
	}
	return &dypls.Error{
		Action:    o.Action,
		Class:     o.Class,
		Code:      o.Code,
		Message:   o.Message,
		RequestID: o.RequestID,
	}
}

// Masked returns the outcome as people may see it: numbers in its result are masked, and links cut
// to their host.
func (o Outcome) Masked() Outcome {
	kind, known := Lookup(o.Action)
	switch {
	case o.Result == nil:
	case known:
		o.Result = kind.mask(o.Result)
	default:
		o.Result = nil
	}
	return o
}

// maskResult is nil for a result that another version wrote.
func maskResult[Res interface{ Masked() Res }](data []byte) []byte {
	var res Res
	if json.Unmarshal(data, &res) != nil {
		return nil
	}
	masked, err := marshal(res.Masked())
	if err != nil {
		return nil
	}
	return masked
}

// Outcome returns what is known of a task now. Its errors are [ErrUnknownTask], [ErrUndecryptable],
// beside the rest of the outcome, [ErrUnreachable] and ctx's.
func (q *Queue) Outcome(ctx context.Context, id string) (Outcome, error) {
	outcomes, err := q.Outcomes(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	return outcomes[0], outcomes[0].notThere()
}

// notThere is the error of an outcome that is not what somebody asked for.
func (o Outcome) notThere() error {
	switch {
	case o.State == StateUnknown:
		return fmt.Errorf("task %s: %w", o.ID, ErrUnknownTask)
	case o.Undecryptable != "":
		return fmt.Errorf("task %s: %w", o.ID, o.Err())
	}
	return nil
}

// Outcomes returns what is known of tasks now, in the order of ids. One that is not recorded has
// [StateUnknown], one whose result does not open says so.
func (q *Queue) Outcomes(ctx context.Context, ids ...string) ([]Outcome, error) {
	outcomes, _, err := q.outcomesAndKeys(ctx, ids)
	return outcomes, err
}

// outcomesAndKeys is Outcomes, and tells for which a key is missing: it may be back soon.
func (q *Queue) outcomesAndKeys(
	ctx context.Context, ids []string,
) (outcomes []Outcome, locked []bool, err error) {
	outcomes, locked = make([]Outcome, 0, len(ids)), make([]bool, 0, len(ids))
	for start := 0; start < len(ids); start += recordsPerTrip {
		records, err := q.records.Read(ctx, ids[start:min(start+recordsPerTrip, len(ids))]...)
		if err != nil {
			return nil, nil, q.failure(ctx, err)
		}
		for _, r := range records {
			o := outcomeOf(r, q.now())
			_, missing := errors.AsType[*seal.MissingKeyError](r.Undecryptable)
			outcomes, locked = append(outcomes, o), append(locked, o.Undecryptable != "" && missing)
		}
	}
	return outcomes, locked, nil
}

// why is the text of an error, "" for none.
func why(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func outcomeOf(r record.Record, now time.Time) Outcome {
	o := Outcome{
		ID:         r.ID,
		Action:     r.Action,
		Account:    r.Account,
		Attempts:   r.Attempts,
		Calls:      r.Calls,
		EnqueuedAt: r.EnqueuedAt,
		Callback:   r.Callback,

		TraceParent: r.Origin.Parent,
		TraceState:  r.Origin.State,
	}
	switch {
	case r.State == "", !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt):
		// a link that no longer works is not handed out
		return Outcome{ID: r.ID, State: StateUnknown, Callback: r.Callback}
	case !r.State.Told():
		o.State = StatePending
		return o
	}
	o.State = State(r.State)
	o.Code, o.Message, o.Class, o.RequestID = r.Code, r.Message, dypls.Class(r.Class), r.RequestID
	o.FinishedAt = r.FinishedAt
	if r.State == record.Succeeded {
		o.Result, o.Undecryptable = json.RawMessage(r.Result), why(r.Undecryptable)
	}
	return o
}
