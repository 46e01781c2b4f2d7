package tasks

import (
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

// DefaultAccount is the account of a task that names none: a worker's own.
const DefaultAccount = "default"

// accountField is how input names the account of a task. The API has no parameter of that name.
const accountField = "Account"

// Account names the account whose credentials, numbers and quotas the task is for, as workers know
// it: 1-64 characters of A-Z a-z 0-9 . _ and -. [DefaultAccount] is as good as none. A task of an
// account that no running worker knows waits, until one does or its time is over. What follows from
// the task, such as the removal of a surplus binding, is of the same account.
func Account(name string) Option {
	return func(o *options) { o.account, o.accounted = name, true }
}

// account is the task's account, "" for the worker's own.
func (d *draft) account() string {
	if d.options.account == DefaultAccount {
		return ""
	}
	return d.options.account
}

func (d *draft) accountProblems() []dypls.Problem {
	if !d.options.accounted {
		return nil
	}
	return nameProblems(
		accountField, d.options.account, "give the name that the workers know the account by, or leave it out",
	)
}

// nameProblems is what is wrong with the name of an account, or of an endpoint of callbacks.
func nameProblems(field, name, remedy string) []dypls.Problem {
	if asynqwire.IsAccount(name) {
		return nil
	}
	if p, found := dypls.SpaceProblem(field, name); found {
		return []dypls.Problem{p}
	}
	return []dypls.Problem{{Field: field, Rule: asynqwire.AccountRule, Remedy: remedy}}
}
