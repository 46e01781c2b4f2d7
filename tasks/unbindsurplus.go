package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	// leastCalls of a task must each have been able to make a binding before one can be a surplus.
	leastCalls = 2
	// leastTraits of a request that the API shows: A and Expiration, which every bind has.
	leastTraits = 2
	// clockSkew is how far the clock of the API may be behind that of Redis.
	clockSkew = 5 * time.Second
)

// UnbindSurplus has a binding unbound that a task made beside the one that it holds: the receipt of
// a call names the task's id as its OutId, and another SubsId than the task's. It returns true
// where this is proven; a worker then removes it, by a task of its own. All of this must hold:
//
//   - The task succeeded with another binding, and nobody settled it by hand or reopened it: who
//     was told that it failed may have bound anew.
//   - Its id was sent as the OutId, for the request has none: an application may give its own to
//     any binding.
//   - Two of its calls or more may each have made a binding.
//   - The API shows an active binding of this SubsId on this X, with the pool, A, B, group,
//     extension and Expiration of the request: what was updated since is not touched.
//   - That was made after the task's first call, and in an earlier second than the binding which
//     the task holds, by the API's own clock: whoever was told of that one made no surplus since.
//
// It makes two calls at the most, which only read, as the task's account. Errors: [ErrUnknownTask],
// [ErrUndecryptable], [ErrUnreachable], ctx's, and those of c, after which it may be asked again.
func (q *Queue) UnbindSurplus(
	ctx context.Context,
	c dypls.Caller,
	id string,
	seen dypls.Binding,
) (bool, error) {
	task, err := q.records.Detail(ctx, id)
	if err != nil {
		return false, q.failure(ctx, err)
	}
	if task.State == "" {
		return false, fmt.Errorf("task %s: %w", id, ErrUnknownTask)
	}
	if task.Undecryptable != nil {
		return false, undecryptable(task.Record)
	}
	if !task.Fingerprint.Readable(q.keys) {
		return false, fmt.Errorf("task %s: %w: this process has no keys", id, ErrUndecryptable)
	}
	if !mayHaveLeftOne(task) || seen.SubsID == "" || seen.SubsID == task.SubsID ||
		slices.Contains(task.Surpluses, seen.SubsID) {
		return false, nil
	}
	proven, err := provenSurplus(ctx, c, q.keys, task, seen)
	if err != nil {
		return false, fmt.Errorf("task %s: look for its surplus binding: %w", id, err)
	}
	if !proven {
		return false, nil
	}
	undo := poolOf(task)
	undo.SubsID, undo.SecretNo = seen.SubsID, seen.SecretNo
	request, err := json.Marshal(undo)
	if err != nil {
		return false, fmt.Errorf("task %s: encode the removal of its surplus binding: %w", id, err)
	}
	noted, err := q.records.NoteSurplus(ctx, task.SubsID, record.SurplusBinding{
		ID: id, Account: task.Account, SubsID: seen.SubsID, Undo: request,
	})
	if err != nil {
		return false, q.unreachable(err)
	}
	return noted, nil
}

// mayHaveLeftOne reports whether a task can have made a binding that it does not know of, and its
// OutId is proof.
func mayHaveLeftOne(task record.Detail) bool {
	byHand := task.ReopenedBy != "" || task.ResolvedBy != "" && task.ResolvedBy != record.ByReceipt
	if task.State != record.Succeeded || task.SubsID == "" || byHand || task.Fingerprint.Has("OutId") {
		return false
	}
	calls := 0
	for _, step := range task.History {
		row, known := dypls.LookupCode(step.Code)
		mayHaveRun := row.MayHaveRun || !known && step.Class == string(dypls.Uncertain)
		if step.Kind == record.StepCut || step.Kind == record.StepCall && mayHaveRun {
			calls++
		}
	}
	return calls >= leastCalls
}

// poolOf has the pool of a bind, under the names that all requests share.
func poolOf(task record.Detail) (undo dypls.UnbindSubscriptionRequest) {
	_ = json.Unmarshal([]byte(task.Undoing), &undo)
	return undo
}

// provenSurplus asks the API about a binding, and about the one that its task holds.
func provenSurplus(
	ctx context.Context,
	c dypls.Caller,
	keys *Keys,
	task record.Detail,
	seen dypls.Binding,
) (bool, error) {
	found, there, err := shown(ctx, c, task, seen)
	active := there && found.Status == dypls.SubscriptionActive
	if err != nil || !active || !asAsked(keys, task, found, seen.SecretNo) {
		return false, err
	}
	var has dypls.Binding
	if err := json.Unmarshal(task.Result, &has); err != nil {
		return false, nil //nolint:nilerr // what shows nothing proves nothing
	}
	held, there, err := shown(ctx, c, task, has)
	if err != nil || !there {
		return false, err
	}
	return !found.GmtCreate.Before(task.FirstCall.Add(-clockSkew)) &&
		found.GmtCreate.Before(held.GmtCreate.Time), nil
}

// shown is what the API shows of a binding, false where there is none.
func shown(
	ctx context.Context,
	c dypls.Caller,
	task record.Detail,
	b dypls.Binding,
) (d dypls.SubscriptionDetail, there bool, err error) {
	pool := poolOf(task)
	d, err = dypls.QuerySubscriptionDetail.Call(ctx, c, dypls.QuerySubscriptionDetailRequest{
		PoolKey: pool.PoolKey, ProductType: pool.ProductType, SubsID: b.SubsID, PhoneNoX: b.SecretNo,
	})
	if failed, is := errors.AsType[*dypls.Error](err); is && failed.Class == dypls.Rejected {
		return d, false, nil // it never was, or is on another X
	}
	return d, err == nil, err
}

// asAsked reports whether a binding on X is as a task asked for it. The request is gone by now; of
// each parameter the record has a hash.
func asAsked(keys *Keys, task record.Detail, found dypls.SubscriptionDetail, x dypls.Phone) bool {
	values := map[string]any{
		"PhoneNoA": found.PhoneNoA, "PhoneNoB": found.PhoneNoB, "PhoneNoX": x,
		"Extension": found.Extension, "GroupId": strconv.FormatInt(found.GroupID, 10),
		"Expiration": found.ExpireDate,
	}
	for name := range values {
		if !task.Fingerprint.Has(name) {
			delete(values, name)
		}
	}
	text, err := json.Marshal(values)
	kind, known := Lookup(task.Action)
	if err != nil || !known {
		return false
	}
	request, err := kind.decode(text)
	if err != nil {
		return false
	}
	same := 0
	for _, p := range dypls.ParametersOf(request) {
		if task.Fingerprint.Holds(keys, task.ID, p) {
			same++
		}
	}
	return same == len(values) && same >= leastTraits
}
