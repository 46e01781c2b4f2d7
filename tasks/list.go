package tasks

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// Filter says which tasks are listed: those that meet all of it. The zero value is all of them.
type Filter struct {
	// States are those of which a task has one, none for any: [StatePending], [StateSucceeded],
	// [StateFailed], [StateUncertain], or, finer than pending, "queued", "calling", "looking" and
	// "waiting", as a [View] has them.
	States  []State
	Action  string // the API's name of it, such as "BindAxn"; "" for any
	Code    string // of the outcome, or of the latest attempt; "" for any
	Account string // [DefaultAccount] for tasks that name none; "" for any
	// Since is when a task was finished at the earliest, or enqueued where it has no outcome yet. The
	// zero time is no bound.
	Since time.Time
	// Cursor goes on where an earlier list of the same filter ended.
	Cursor string
	// Limit is how many tasks are returned at the most: 100 by default, 1,000 at most.
	Limit int
}

const (
	defaultLimit = 100
	mostLimit    = 1000
)

// States of a record that is pending.
var pendingStates = []record.State{record.Queued, record.Calling, record.Looking, record.Waiting}

// List returns tasks, the newest first: by when each was finished, or enqueued where it has no
// outcome yet. next is the cursor of those that follow, "" where there are none. There may be fewer
// tasks than Limit, or none, although others follow: a list looks at 20,000 tasks at the most.
//
// Those that failed or are uncertain are found among any number of others, also by their Code; of
// all others each is looked at. They are found so a moment after their outcome, or half a minute
// after it where their worker was killed in between. A task whose outcome comes while a list is
// read moves to its beginning, and may be missed or met twice. A task is listed for as long as its
// outcome is kept.
//
// Errors: *dypls.ValidationError, [ErrUnreachable] and ctx's.
func (q *Queue) List(ctx context.Context, f Filter) (views []View, next string, err error) {
	selection, err := f.selection()
	if err != nil {
		return nil, "", err
	}
	records, position, err := q.records.List(ctx, selection)
	if err != nil {
		return nil, "", q.failure(ctx, err)
	}
	views = make([]View, len(records))
	for i, r := range records {
		views[i] = viewOf(r)
	}
	return views, encodeCursor(position), nil
}

// selection translates the filter, and reports everything that is wrong with it.
func (f Filter) selection() (record.Selection, error) {
	s := record.Selection{Action: f.Action, Code: f.Code, Since: f.Since, Most: f.Limit}
	if s.Most <= 0 {
		s.Most = defaultLimit
	}
	s.Most = min(s.Most, mostLimit)
	var problems []dypls.Problem
	for _, state := range f.States {
		states := recordStates(state)
		if states == nil {
			problems = append(problems, dypls.Problem{
				Field: "State", Rule: "must be a state that a task can have",
				Remedy: "give pending, succeeded, failed, uncertain, queued, calling, looking or waiting",
			})
			break
		}
		s.States = append(s.States, states...)
	}
	if _, known := Lookup(f.Action); f.Action != "" && !known {
		problems = append(problems, dypls.Problem{
			Field: "Action", Rule: "must be the API's name of an operation",
			Remedy: "give one such as BindAxn",
		})
	}
	switch {
	case f.Account == "":
	case f.Account == DefaultAccount:
		s.Account = new(string)
	case asynqwire.IsAccount(f.Account):
		s.Account = &f.Account
	default:
		problems = append(problems, dypls.Problem{
			Field: accountField, Rule: asynqwire.AccountRule, Remedy: "give the name that the workers know the account by",
		})
	}
	position, err := decodeCursor(f.Cursor)
	if err != nil {
		problems = append(problems, dypls.Problem{
			Field: "Cursor", Rule: "must be one that an earlier list returned", Remedy: "leave it out to begin with the newest",
		})
	}
	if problems != nil {
		return record.Selection{}, &dypls.ValidationError{Problems: problems}
	}
	slices.Sort(s.States)
	s.States, s.From = slices.Compact(s.States), position
	return s, nil
}

// recordStates are the states of a record that a state stands for, nil for none.
func recordStates(state State) []record.State {
	switch s := record.State(state); {
	case state == StatePending:
		return pendingStates
	case s.Told(), slices.Contains(pendingStates, s):
		return []record.State{s}
	}
	return nil
}

func encodeCursor(p record.Position) string {
	if p == (record.Position{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.At, 10) + " " + p.Member))
}

func decodeCursor(cursor string) (p record.Position, err error) {
	if cursor == "" {
		return p, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return p, fmt.Errorf("cursor: %w", err)
	}
	at, member, _ := strings.Cut(string(text), " ")
	if p.At, err = strconv.ParseInt(at, 10, 64); err != nil {
		return p, fmt.Errorf("cursor: %w", err)
	}
	p.Member = member
	return p, nil
}
