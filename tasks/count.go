package tasks

import (
	"cmp"
	"context"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// Found is what a search tells of a task.
type Found struct {
	ID      string
	Action  string
	Account string // [DefaultAccount] where the task names none
	State   State  // as a [View] has it
	Code    string // of the outcome, or of the latest attempt
	// MayHaveRun says that a call of it may have taken effect although the task did not succeed: to
	// try it again may bind twice.
	MayHaveRun bool
}

// Counts are how many tasks meet a filter.
type Counts struct {
	Tasks    int            `json:"tasks"`
	States   map[string]int `json:"states"` // as a [View] has them
	Codes    map[string]int `json:"codes"`  // those that have one
	Actions  map[string]int `json:"actions"`
	Accounts map[string]int `json:"accounts"`
	// Complete says that these are all. Otherwise they are those among the newest 100,000, and AtMost
	// bounds how many there are.
	Complete bool  `json:"complete"`
	AtMost   int64 `json:"at_most"`
}

// Count counts the tasks that meet a filter, whose Cursor and Limit do not matter. It looks at
// 100,000 at the most, the newest first. A task that changes meanwhile counts as before or after.
//
// Errors: *dypls.ValidationError, [ErrUnreachable] and ctx's.
func (q *Queue) Count(ctx context.Context, f Filter) (Counts, error) {
	c := Counts{
		States: map[string]int{}, Codes: map[string]int{}, Actions: map[string]int{},
		Accounts: map[string]int{},
	}
	complete, err := q.search(ctx, f, func(t Found) bool {
		c.Tasks++
		c.States[string(t.State)]++
		c.Actions[t.Action]++
		c.Accounts[t.Account]++
		if t.Code != "" {
			c.Codes[t.Code]++
		}
		return true
	})
	if err != nil {
		return Counts{}, err
	}
	c.Complete, c.AtMost = complete, int64(c.Tasks)
	if complete {
		return c, nil
	}
	selection, err := f.selection()
	if err != nil {
		return Counts{}, err
	}
	if c.AtMost, err = q.records.AtMost(ctx, selection); err != nil {
		return Counts{}, q.failure(ctx, err)
	}
	return c, nil
}

// Find returns the tasks that meet a filter, each once, so many at the most, for whoever does
// something with all of them. The filter's Cursor and Limit do not matter. It looks at 100,000 at
// the most, the newest first, and reports whether it has found all that there are.
//
// Errors: *dypls.ValidationError, [ErrUnreachable] and ctx's.
func (q *Queue) Find(ctx context.Context, f Filter, most int) (found []Found, all bool, err error) {
	all, err = q.search(ctx, f, func(t Found) bool {
		if len(found) >= most {
			return false
		}
		found = append(found, t)
		return true
	})
	return found, all, err
}

func (q *Queue) search(
	ctx context.Context, f Filter, visit func(Found) bool,
) (all bool, err error) {
	f.Cursor = ""
	selection, err := f.selection()
	if err != nil {
		return false, err
	}
	all, err = q.records.Search(ctx, selection, func(r record.Found) bool {
		return visit(Found{
			ID: r.ID, Action: r.Action, Account: cmp.Or(r.Account, DefaultAccount), State: State(r.State),
			Code:       r.Code,
			MayHaveRun: r.MayHaveRun,
		})
	})
	if err != nil {
		return false, q.failure(ctx, err)
	}
	return all, nil
}
