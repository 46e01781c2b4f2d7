package tasks

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Kind is an operation that can be queued.
type Kind[Req dypls.Request, Res any] struct {
	operation dypls.Operation[Req, Res]
	policy    Policy
}

// Operation is what the kind's tasks do: its Call performs it now, without a queue.
func (k Kind[Req, Res]) Operation() dypls.Operation[Req, Res] { return k.operation }

// Policy is how the kind's tasks are treated. What is changed in it changes nothing.
func (k Kind[Req, Res]) Policy() Policy {
	policy := k.policy
	policy.Orders = slices.Clone(policy.Orders)
	return policy
}

// newKind ties an operation to a policy. What it answers says itself how people may see it.
func newKind[Req dypls.Request, Res interface{ Masked() Res }](
	operation dypls.Operation[Req, Res],
	policy Policy,
) Kind[Req, Res] {
	k := Kind[Req, Res]{operation: operation, policy: policy}
	decode := func(data []byte, extra ...dypls.Extra) (dypls.Request, error) {
		return dypls.DecodeRequest[Req](data, extra...)
	}
	takes := func(request dypls.Request) bool {
		_, is := request.(Req)
		return is
	}
	register(
		UntypedKind{
			action: operation.Action,
			policy: policy,
			reads:  !operation.Mutates,
			takes:  takes,
			result: readResult[Res],
			mask:   maskResult[Res],
			sight:  sight(operation),
			decode: decode,
		},
	)
	return k
}

// Enqueue records the task and hands it to the workers.
//
// Errors: *dypls.ValidationError, [ErrKeyReused], [ErrUnreachable], [ErrUnreplicated], or ctx's.
// With a key, Enqueue may be repeated after any error. Without one, an ID that comes with an error
// is the key to repeat it with, as [TaskID]: the task may be queued.
func (k Kind[Req, Res]) Enqueue(
	ctx context.Context,
	q *Queue,
	req Req,
	options ...Option,
) (Task[Res], error) {
	ids, err := q.enqueue(ctx, []*draft{newDraft(k.operation.Action, k.policy, req, options)})
	id, err := single(ids, err)
	return Task[Res]{ID: id, queue: q, action: k.operation.Action}, err
}

// EnqueueAll enqueues a batch in few round trips and returns the ids in its order. Nothing is
// enqueued when an item is invalid or its key was used for another request: the *[BatchError] then
// lists them all. (An item whose key somebody else takes in the same moment is refused alone.)
// After [ErrUnreachable], [ErrClosed] or ctx's error, a part may be queued: ids that come with the
// error are the keys, as [TaskID], under which the batch may be repeated and nothing doubles.
func (k Kind[Req, Res]) EnqueueAll(
	ctx context.Context,
	q *Queue,
	items []Item[Req],
) ([]string, error) {
	drafts := make([]*draft, len(items))
	for i, item := range items {
		drafts[i] = newDraft(k.operation.Action, k.policy, item.Request, item.Options)
	}
	return q.enqueue(ctx, drafts)
}

// Result returns what came of a task, without waiting: its response, or a *dypls.Error.
// Other errors: [ErrPending], [ErrUnknownTask], [ErrOtherAction], [ErrUnreachable], or ctx's.
func (k Kind[Req, Res]) Result(ctx context.Context, q *Queue, id string) (Res, error) {
	outcome, err := q.Outcome(ctx, id)
	return k.read(outcome, err)
}

// Results is Result for a batch, in the order of ids.
func (k Kind[Req, Res]) Results(
	ctx context.Context,
	q *Queue,
	ids []string,
) ([]Result[Res], error) {
	outcomes, err := q.Outcomes(ctx, ids...)
	if err != nil {
		return nil, err
	}
	results := make([]Result[Res], len(outcomes))
	for i, outcome := range outcomes {
		results[i] = k.result(outcome)
	}
	return results, nil
}

// Wait waits until ctx is done for a task's outcome, and returns it as Result does.
func (k Kind[Req, Res]) Wait(ctx context.Context, q *Queue, id string) (Res, error) {
	outcome, err := q.Wait(ctx, id)
	return k.read(outcome, err)
}

// WaitAll is Wait for a batch, in the order of ids. When ctx ends first, it returns ctx's error
// together with the results so far, in which those still missing say [ErrPending].
func (k Kind[Req, Res]) WaitAll(
	ctx context.Context,
	q *Queue,
	ids []string,
) ([]Result[Res], error) {
	results := make([]Result[Res], len(ids))
	index := make(map[string][]int, len(ids))
	for i, id := range ids {
		results[i] = Result[Res]{ID: id, Err: ErrPending}
		index[id] = append(index[id], i)
	}
	err := q.WaitAll(ctx, ids, func(outcome Outcome) {
		for _, i := range index[outcome.ID] {
			results[i] = k.result(outcome)
		}
	})
	return results, err
}

// Result is one task's part of a batch: Value when Err is nil.
type Result[Res any] struct {
	ID    string
	Value Res
	Err   error
}

func (k Kind[Req, Res]) result(outcome Outcome) Result[Res] {
	value, err := k.read(outcome, nil)
	return Result[Res]{ID: outcome.ID, Value: value, Err: err}
}

func (k Kind[Req, Res]) read(outcome Outcome, err error) (Res, error) {
	return read[Res](k.operation.Action, outcome, err)
}

// read is what an outcome of an action means to whoever asked for the task.
func read[Res any](action string, outcome Outcome, err error) (Res, error) {
	var res Res
	if err != nil {
		return res, err
	}
	if outcome.State == StateUnknown {
		return res, fmt.Errorf("task %s: %w", outcome.ID, ErrUnknownTask)
	}
	if outcome.Action != action {
		return res, fmt.Errorf(
			"task %s: %w: %s, not %s",
			outcome.ID,
			ErrOtherAction,
			outcome.Action,
			action,
		)
	}
	if outcome.State == StatePending {
		return res, fmt.Errorf("task %s: %w", outcome.ID, ErrPending)
	}
	if err := outcome.Err(); err != nil {
		return res, err
	}
	if err := json.Unmarshal(outcome.Result, &res); err != nil {
		return res, fmt.Errorf(
			"task %s: its result cannot be read: it was written by another version",
			outcome.ID,
		)
	}
	return res, nil
}

func single(ids []string, err error) (string, error) {
	batch, ok := err.(*BatchError) //nolint:errorlint // our own, never wrapped
	if ok && len(batch.Items) == 1 {
		return "", batch.Items[0].Err
	}
	if len(ids) == 0 {
		return "", err
	}
	return ids[0], err
}
