package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// ErrNotUncertain: only a task that is held as uncertain can be settled.
var ErrNotUncertain = errors.New("the task is not uncertain")

// Resolution is what somebody found out about a task that is held as uncertain: [ResolveSucceeded],
// [ResolveFailed] or [ResolveRetry] makes one.
type Resolution struct {
	as        record.State
	succeeded json.RawMessage
	by        string
}

// ResolveSucceeded says that the lost call took effect. The result is that of an outcome: the API's
// own response fields, as json.Marshal writes those of a [dypls.Binding]. By names who says so; it
// is kept with the record.
func ResolveSucceeded(result json.RawMessage, by string) Resolution {
	return Resolution{as: record.Succeeded, succeeded: result, by: by}
}

// ResolveFailed says that no call took effect, and none is to be made any more.
func ResolveFailed(by string) Resolution { return Resolution{as: record.Failed, by: by} }

// ResolveRetry has the call made again. Where the lost one took effect after all, this uses up a
// second number.
func ResolveRetry(by string) Resolution { return Resolution{as: record.Queued, by: by} }

// Resolve settles an uncertain task. Errors: *dypls.ValidationError, [ErrNotUncertain],
// [ErrUnknownTask], [ErrUnreachable], and ctx's.
func (q *Queue) Resolve(ctx context.Context, id string, r Resolution) error {
	task, kind, err := q.read(ctx, id)
	if err != nil {
		return err
	}
	resolution, err := r.record(id, kind)
	if err != nil {
		return err
	}
	return q.resolve(ctx, kind, task, resolution)
}

// read reads a task that is to be settled, and its kind.
func (q *Queue) read(
	ctx context.Context, id string,
) (task record.Record, kind UntypedKind, err error) {
	records, err := q.records.Read(ctx, id)
	if err != nil {
		return task, kind, q.unreachable(err)
	}
	task = records[0]
	kind, known := Lookup(task.Action)
	switch {
	case task.State == "":
		return task, kind, fmt.Errorf("task %s: %w", id, ErrUnknownTask)
	case !known:
		const rule = "task %s: %w: this version does not know %s"
		return task, kind, fmt.Errorf(rule, id, ErrOtherAction, task.Action)
	}
	return task, kind, nil
}

// undecryptable is the error of a task whose request is needed and does not open.
func undecryptable(task record.Record) error {
	return fmt.Errorf("task %s: %w: %w", task.ID, ErrUndecryptable, task.Undecryptable)
}

func (q *Queue) resolve(
	ctx context.Context,
	kind UntypedKind,
	task record.Record,
	resolution record.Resolution,
) error {
	resolution.Keep, resolution.Account = q.retention, task.Account
	if err := q.tellBound(ctx, task, resolution); err != nil {
		return q.unreachable(err)
	}
	found, delivery, err := q.records.Resolve(ctx, resolution)
	switch {
	case err != nil:
		return q.unreachable(err)
	case found != record.Uncertain:
		return fmt.Errorf("task %s: %w: it is %s", resolution.ID, ErrNotUncertain, found)
	case resolution.State == record.Failed:
		q.tellOver(ctx, resolution.ID)
		return nil
	case resolution.State == record.Succeeded:
		return nil
	}
	_, err = q.dispatch.Put(ctx, q.dispatch.Place(ctx, kind.Queue(), resolution.ID), dispatch.Delivery{
		Action: kind.action, ID: resolution.ID, Account: task.Account, Number: delivery,
	})
	if err != nil {
		return q.failure(ctx, err)
	}
	return nil
}

// record translates the resolution, and reports everything that is wrong with it.
func (r Resolution) record(id string, kind UntypedKind) (record.Resolution, error) {
	var problems []dypls.Problem
	if r.as == "" {
		problems = append(problems, dypls.Problem{
			Rule: "a task is settled as succeeded, as failed, or by a retry", Remedy: "say which",
		})
	}
	if r.by == "" {
		problems = append(
			problems,
			dypls.Problem{Field: "By", Rule: "is required", Remedy: "name who settles it"},
		)
	}
	resolution := record.Resolution{ID: id, By: r.by, State: r.as}
	if r.as == record.Succeeded {
		result, subsID, err := kind.result(r.succeeded)
		if err != nil {
			problems = append(problems, dypls.Problem{Field: "Succeeded", Rule: err.Error(),
				Remedy: `write what the API would have answered, such as {"SubsId":"...","SecretNo":"..."}`})
		}
		resolution.Code, resolution.Message = dypls.CodeOK, "settled by hand"
		resolution.Result, resolution.SubsID = result, subsID
	}
	if r.as == record.Failed {
		resolution.Code, resolution.Message = dypls.CodeNoAnswer, "settled by hand: no call took effect"
	}
	if problems != nil {
		return record.Resolution{}, &dypls.ValidationError{Problems: problems}
	}
	return resolution, nil
}

// readResult checks that a result is one that the operation could have answered.
func readResult[Res any](data []byte) (result []byte, subsID string, err error) {
	var res Res
	if err := json.Unmarshal(data, &res); err != nil {
		return nil, "", errors.New("must be a JSON object of the response's fields")
	}
	if b, isBinding := any(res).(dypls.Binding); isBinding {
		unbind := dypls.UnbindSubscriptionRequest{PoolKey: "-", SubsID: b.SubsID, SecretNo: b.SecretNo}
		if err := unbind.Validate(); err != nil { // what it could not be unbound by is no binding
			return nil, "", fmt.Errorf("must hold SubsId and SecretNo: %w", err)
		}
		subsID = b.SubsID
	}
	result, err = json.Marshal(res)
	return result, subsID, err
}
