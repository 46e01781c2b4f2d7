package httpapi

import (
	"net/http"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// taskList is a page of tasks, as an operator may see them: masked, whatever the token.
type taskList struct {
	Tasks []tasks.View `json:"tasks"`
	Next  string       `json:"next,omitempty"` // the cursor of those that follow
}

// listTasks lists tasks, the newest first.
func (a *API) listTasks(e *exchange) error {
	q := e.query("state", "action", "code", "account", "since", "cursor", "limit")
	filter := tasks.Filter{
		Action:  q.values.Get("action"),
		Code:    q.values.Get("code"),
		Account: q.values.Get("account"),
		Since:   q.since(time.Now()),
		Cursor:  q.values.Get("cursor"),
		Limit:   q.integer("limit", listed, listedUsually),
	}
	if states := q.values.Get("state"); states != "" {
		for state := range strings.SplitSeq(states, ",") {
			filter.States = append(filter.States, tasks.State(state))
		}
	}
	if err := q.err(); err != nil {
		return err
	}
	if err := e.work(); err != nil {
		return err
	}
	ctx, cancel := e.ask()
	defer cancel()
	views, next, err := a.queue.List(ctx, filter)
	if err != nil {
		return err
	}
	return e.answer(http.StatusOK, taskList{Tasks: orNone(views), Next: next})
}
