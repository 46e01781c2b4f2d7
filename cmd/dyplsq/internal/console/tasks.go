package console

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// taskList is what the page of tasks shows.
type taskList struct {
	Q, State, Code, Action, Account, Since string

	States, Actions, Spans []string

	Tasks    []tasks.View
	Bulk     []bulkLink // to do something to all that match
	Next     string     // the address of those that follow
	Filtered bool
}

var (
	filterStates = []string{
		"pending", "succeeded", "failed", "uncertain", "queued", "calling", "looking", "waiting",
	}
	filterSpans = []string{"15m", "1h", "6h", "24h", "168h"}
)

// tasksPage lists tasks, those that were finished or enqueued last first.
func tasksPage(r *request) (answer, error) {
	if err := r.read(); err != nil {
		return answer{}, err
	}
	list := taskList{
		Q: r.field("q"), State: r.field("state"), Code: r.field("code"), Action: r.field("action"),
		Account: r.field("account"), Since: r.field("since"),
		States: filterStates, Actions: actions(), Spans: filterSpans,
	}
	list.Filtered = list.Q+list.State+list.Code+list.Action+list.Account+list.Since != ""
	size, err := r.size()
	if err != nil {
		return answer{}, err
	}
	filter, err := r.filter()
	if err != nil {
		return answer{}, err
	}
	filter.Cursor, filter.Limit = r.field("cursor"), size
	var views []tasks.View
	var next string
	if list.Q == "" {
		views, next, err = r.console.Queue.List(r.Context(), filter)
	} else {
		var found answer
		if found, views, next, err = r.search(list.Q, filter); found.to != "" {
			return found, err
		}
	}
	if err != nil {
		return answer{}, err
	}
	list.Tasks = views
	if list.Filtered && list.Q == "" && len(views) > 0 && r.may(dashboard.RoleOperate) {
		list.Bulk = r.bulkLinks(list)
	}
	if next != "" {
		list.Next = link(
			"tasks", "q", list.Q, "state", list.State, "code", list.Code, "action", list.Action,
			"account", list.Account, "since", list.Since, "size", strconv.Itoa(size), "cursor", next,
		)
	}
	return answer{page: "tasks", data: list, live: listEvery}, nil
}

// listEvery is how often a browser asks for a list anew.
const listEvery = 10 * time.Second

// filter reads which tasks are meant.
func (r *request) filter() (tasks.Filter, error) {
	f := tasks.Filter{Code: r.field("code"), Action: r.field("action"), Account: r.field("account")}
	if state := r.field("state"); state != "" {
		f.States = []tasks.State{tasks.State(state)}
	}
	if since := r.field("since"); since != "" {
		d, err := time.ParseDuration(since)
		if err != nil || d <= 0 {
			return f, badField("since", errors.New("a duration such as 6h"))
		}
		f.Since = r.console.Now().Add(-d)
	}
	return f, nil
}

// actions are the names of those that can be queued.
func actions() (names []string) {
	for _, kind := range tasks.Kinds() {
		names = append(names, kind.Action())
	}
	slices.Sort(names)
	return names
}
