package inventory

import (
	"context"
	"encoding/json"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// End is what came of a bind that may hold a number.
type End struct {
	Task string
	// the bind; where its request is no longer known, its kind and pool: the lease has the rest
	Ask Ask

	// Binding is what was bound; without a SubsID nothing was, and none can be any more. Its Extension
	// counts where the kind has one.
	Binding dypls.Binding

	// Of a bind that failed, as Release has them.
	X           dypls.Phone
	Unperformed bool
	Aside       string
}

// On is what came of the bind of a lease: it counts for no number that the task was given since.
func (e End) On(h Holding) End {
	e.X = h.number()
	return e
}

// Settle tells the inventory what came of a bind. Every way to an outcome leads here: the end of a
// run, a look, a late answer, whoever settles or withdraws the task, and the sweep for whoever
// ended in between. A success is told before the record is, and a failure after, so that nobody is
// given a number that may be bound; told twice, or in the other order, nothing is different.
func (v *Inventory) Settle(ctx context.Context, e End) error {
	if has, err := v.Has(ctx, e.Ask.PoolKey); err != nil || !has {
		return err
	}
	if e.Binding.SubsID == "" {
		_, err := v.Release(
			ctx,
			Refusal{Pool: e.Ask.PoolKey, Task: e.Task, X: e.X, Unperformed: e.Unperformed, Aside: e.Aside},
		)
		return err
	}
	if !isExtension(string(e.Binding.Extension)) {
		e.Binding.Extension = "" // then it is as the lease has it
	}
	return v.Bound(ctx, Binding{
		Pool:      e.Ask.PoolKey,
		Task:      e.Task,
		Kind:      e.Ask.Kind,
		A:         e.Ask.PhoneNoA,
		B:         e.Ask.PhoneNoB,
		X:         e.Binding.SecretNo,
		Extension: e.Ask.Kind.extension(string(e.Binding.Extension)),
		SubsID:    e.Binding.SubsID,
		Until:     Until(e.Ask.Expiration),
	})
}

// EndOf reads from a task's record what came of its bind. ok is false where it is no bind of a
// pool, or has no outcome, or one that leaves open whether something is bound.
func EndOf(r record.Record) (e End, ok bool) {
	request := r.Request
	if len(request) == 0 { // a success has emptied it
		request = []byte(r.Undoing)
	}
	e.Task = r.ID
	if e.Ask, ok = AskOf(r.Action, request); !ok || e.Ask.PoolKey == "" {
		return e, false
	}
	switch {
	case r.Undecryptable != nil: // its number stays with it until it opens
		return e, false
	default:
	}
	switch r.State {
	case record.Succeeded:
		return e, json.Unmarshal(r.Result, &e.Binding) == nil && e.Binding.SubsID != ""
	case record.Failed:
		// which no task is of which a call may have taken effect
		e.Unperformed = r.Code == dypls.CodeCanceled
		return e, true
	default:
		return e, false
	}
}
