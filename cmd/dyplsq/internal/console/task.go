package console

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// aTask is what the page of a task shows.
type aTask struct {
	tasks.Explanation

	Fields  []pair // of the request
	Result  []pair
	Events  []event
	Phoned  []calls.Call
	Unfound bool          // calls are found by keys, and there are none
	Changes []audit.Entry // what people did to it
	Whole   bool          // numbers are shown whole
	// what may be done to it now, by whoever looks
	MayCancel, MayRetry, MayResolve, MayLook bool
}

// pair is a field and what it holds.
type pair struct{ Name, Value string }

func pairs(fields map[string]string) (p []pair) {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		p = append(p, pair{name, fields[name]})
	}
	return p
}

// event is one thing that happened to a task.
type event struct {
	tasks.Step

	Took  time.Duration
	Color string
}

// taskPage tells of one task.
func taskPage(r *request) (answer, error) {
	if err := r.read(); err != nil {
		return answer{}, err
	}
	t, err := r.task(r.field("id"))
	if err != nil {
		return answer{}, err
	}
	a := answer{page: "task", data: t}
	if t.FinishedAt.IsZero() {
		a.live = taskEvery
	}
	return a, nil
}

// taskEvery is how often a browser asks for a task anew that is not over.
const taskEvery = 3 * time.Second

// task reads all that is known of a task, numbers masked.
func (r *request) task(id string) (t aTask, err error) {
	if err := tasks.CheckID(id); err != nil {
		return t, err
	}
	ctx, c := r.Context(), r.console
	if t.Explanation, err = c.Queue.Explain(ctx, id); err != nil {
		return t, err
	}
	outcomes, err := c.Queue.Outcomes(ctx, id)
	if err != nil {
		return t, err
	}
	const most = 20
	t.Phoned, _, err = c.Calls.List(ctx, calls.Filter{TaskID: id, Limit: most})
	if t.Unfound = errors.Is(err, tasks.ErrUndecryptable); err != nil && !t.Unfound {
		return t, err
	}
	if t.Changes, _, err = c.Audit.Read(ctx, audit.Filter{Target: id, Limit: most}); err != nil {
		return t, err
	}
	t.Events = eventsOf(t.Explanation)
	t.Fields, t.Result = pairs(t.Request), pairs(fieldsOf(outcomes[0]))
	state := tasks.State(t.State)
	if may := r.may(dashboard.RoleOperate); may {
		t.MayCancel = t.Doubt == nil && (t.State == "queued" || t.State == "waiting")
		t.MayRetry = state == tasks.StateFailed && len(t.Request) > 0
		t.MayResolve = state == tasks.StateUncertain
	}
	t.MayLook = r.may(dashboard.RoleNumbers) && len(t.Fields)+len(t.Result) > 0
	return t, nil
}

// showWhole shows a task with whole numbers, for whoever may see them. Each look is a line of the
// audit.
func showWhole(r *request) (answer, error) {
	id := r.field("id")
	t, err := r.task(id)
	if err != nil {
		return answer{}, err
	}
	err = r.console.Audit.Add(r.Context(), audit.Entry{
		By: r.by(), Via: audit.Console, Action: audit.NumbersShow, Target: id, Reason: r.field("reason"),
	})
	if err != nil {
		return answer{}, err
	}
	parameters, err := r.console.Queue.Parameters(r.Context(), id)
	if err != nil && !errors.Is(err, tasks.ErrUndecryptable) { // that is shown in its place
		return answer{}, err
	}
	outcome, err := r.console.Queue.Outcome(r.Context(), id)
	if err != nil && !errors.Is(err, tasks.ErrUndecryptable) {
		return answer{}, err
	}
	if len(parameters) > 0 {
		t.Fields = nil
	}
	for i := range parameters {
		t.Fields = append(t.Fields, pair{parameters[i].Name, parameters[i].Value})
	}
	var fields map[string]any
	if outcome.Result != nil && json.Unmarshal(outcome.Result, &fields) == nil {
		whole := texted(fields)
		// a link works for whoever has it: nobody's right to numbers
		if link, is := whole["DownloadUrl"]; is {
			whole["DownloadUrl"] = dypls.Scrub(link)
		}
		t.Result = pairs(whole)
	}
	t.Whole = true
	return answer{page: "task", data: t}, nil
}

// eventsOf are a task's steps from its beginning to its end.
func eventsOf(e tasks.Explanation) (events []event) {
	events = append(events, event{Step: tasks.Step{At: e.EnqueuedAt, Kind: "enqueued"}, Color: "busy"})
	for _, step := range e.Steps {
		events = append(events, event{
			Step: step, Took: time.Duration(step.TookMS) * time.Millisecond, Color: colorOf(step),
		})
	}
	if !e.FinishedAt.IsZero() {
		events = append(events, event{
			Step: tasks.Step{
				At: e.FinishedAt, Kind: e.State, Code: e.Code, Class: dypls.Class(e.Class),
				RequestID: e.RequestID,
			},
			Color: badgeOf(e.State),
		})
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.At.Compare(b.At) })
	return events
}

func colorOf(s tasks.Step) string {
	switch {
	case s.Kind == "cut", s.Kind == "cutlook", s.Class == dypls.Uncertain:
		return "doubt"
	case s.Code == dypls.CodeOK:
		return "good"
	case s.Code != "":
		return "bad"
	}
	return cmp.Or(badgeOf(s.As), "busy")
}
