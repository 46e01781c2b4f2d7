package tasks

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// bindTaskField is how input names the task of the bind that an unbind is to undo.
const bindTaskField = "BindTaskID"

// validate applies the rules of the request. One that names a bind's task is written by the worker.
func (d *draft) validate() error {
	if d.options.undoes {
		return nil
	}
	return d.request.Validate()
}

// bindTaskProblems is what is wrong with the name of a bind's task.
func (d *draft) bindTaskProblems() []dypls.Problem {
	if !d.options.undoes {
		return nil
	}
	var problems []dypls.Problem
	refuse := func(rule, remedy string) {
		problems = append(problems, dypls.Problem{Field: bindTaskField, Rule: rule, Remedy: remedy})
	}
	if d.action != dypls.UnbindSubscription.Action {
		refuse("goes with "+dypls.UnbindSubscription.Action+" alone", "leave it out")
	}
	if len(d.parameters) > 0 {
		refuse(
			"stands in place of the API's parameters",
			"name either the bind's task, or PoolKey, SubsId and SecretNo",
		)
	}
	if p, found := dypls.SpaceProblem(bindTaskField, d.options.bindTask); found {
		problems = append(problems, p)
	} else if !asynqwire.IsID(d.options.bindTask) {
		refuse("must be the id of a task", "give the id that enqueueing the bind returned")
	} else if d.options.bindTask == d.options.id {
		refuse("must be another task's id", "give the unbind a key of its own")
	}
	return problems
}

// fingerprinted is what tells two requests under one key apart.
func (d *draft) fingerprinted() dypls.Parameters {
	account := d.account()
	if account == "" && !d.options.undoes {
		return d.parameters
	}
	all := slices.Clone(d.parameters)
	if d.options.undoes {
		all = append(all, dypls.Parameter{Name: bindTaskField, Value: d.options.bindTask})
	}
	if account != "" {
		all = append(all, dypls.Parameter{Name: accountField, Value: account})
	}
	return all
}

// undoing is what an unbind will need of a bind, beside its answer.
func (d *draft) undoing() string {
	if d.policy.Queue != binding.Queue {
		return ""
	}
	undoing, err := json.Marshal(struct {
		PoolKey     string `json:"PoolKey"`
		ProductType string `json:"ProductType"`
	}{d.parameters.Value("PoolKey"), d.parameters.Value("ProductType")})
	if err != nil {
		return ""
	}
	return string(undoing)
}

// lookUpBinds finds out whether the binds exist that new unbinds name, or come with them.
func (q *Queue) lookUpBinds(ctx context.Context, drafts []*draft) error {
	naming := where(drafts, func(d *draft) bool {
		return d.err == nil && d.options.undoes && d.found.Verdict != record.Same
	})
	if naming == nil {
		return nil
	}
	byID := make(map[string]*draft, len(drafts))
	for _, d := range slices.Backward(drafts) { // the first of a key is the one that counts
		byID[d.options.id] = d
	}
	for trip := range slices.Chunk(naming, recordsPerTrip) {
		ids := make([]string, len(trip))
		for i, d := range trip {
			ids[i] = d.options.bindTask
		}
		records, err := q.records.Read(ctx, ids...)
		if err != nil {
			return q.failure(ctx, err)
		}
		for i, r := range records {
			if bind := byID[r.ID]; r.State == "" && bind != nil {
				trip[i].afterBind = true
				r = record.Record{State: record.Queued, Action: bind.action, Account: bind.account()}
			}
			trip[i].checkBind(r)
		}
	}
	return nil
}

func (d *draft) checkBind(r record.Record) {
	kind, known := Lookup(r.Action)
	switch {
	case r.State == "":
		d.err = join(nil, []dypls.Problem{
			{
				Field:  bindTaskField,
				Rule:   "must name a task that is recorded",
				Remedy: "check the id; where the bind's outcome is no longer kept, give PoolKey, SubsId and SecretNo instead",
			},
		})
	case !known || kind.policy.Queue != binding.Queue:
		d.err = join(nil, []dypls.Problem{
			{
				Field:  bindTaskField,
				Rule:   "must name a bind, and this is of " + r.Action,
				Remedy: "give the id that enqueueing the bind returned",
			},
		})
	case r.Account != d.account():
		account := cmp.Or(r.Account, DefaultAccount)
		d.err = join(nil, []dypls.Problem{
			{
				Field:  bindTaskField,
				Rule:   "must name a bind of the same account, and this is of " + account,
				Remedy: "give the unbind the account " + account,
			},
		})
	}
}
