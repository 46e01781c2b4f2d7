package console

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// What may be done to a task.
const (
	doCancel    = "cancel"    // before its call leaves
	doRetry     = "retry"     // one that failed
	doSucceeded = "succeeded" // the three ways out of being uncertain
	doFailed    = "failed"
	doAgain     = "again"
)

// confirmed is what the page shows that asks whether something is really to be done.
type confirmed struct {
	aTask

	Do    string
	Binds bool // its result is a binding
	// Twice: the call may have taken effect before, and would then use up a second number.
	Twice bool
}

// confirmPage says what it would mean to do something to a task, and asks why.
func confirmPage(r *request) (answer, error) {
	if err := r.read(); err != nil {
		return answer{}, err
	}
	do := r.field("do")
	t, err := r.task(r.field("id"))
	if err != nil {
		return answer{}, err
	}
	if !t.may(do) {
		return answer{}, problem{http.StatusConflict, "problem.moved", t.State}
	}
	return answer{page: "confirm", data: confirmed{
		aTask: t, Do: do, Binds: strings.HasPrefix(t.Action, "Bind"), Twice: t.twice(do),
	}}, nil
}

// may reports whether something may be done to a task as it stands.
func (t aTask) may(do string) bool {
	switch do {
	case doCancel:
		return t.MayCancel
	case doRetry:
		return t.MayRetry
	case doSucceeded, doFailed, doAgain:
		return t.MayResolve
	}
	return false
}

// twice reports whether doing something could bind a second number unseen.
func (t aTask) twice(do string) bool { return do == doAgain || do == doRetry && t.MayHaveRun }

// act does to a task what the page before asked about.
func act(r *request) (answer, error) {
	id, do, reason := r.field("id"), r.field("do"), r.field("reason")
	t, err := r.task(id)
	switch {
	case err != nil:
		return answer{}, err
	case !t.may(do):
		return answer{}, problem{http.StatusConflict, "problem.moved", t.State}
	case reason == "":
		return answer{}, errReason
	case t.twice(do) && r.field("looked") != "yes":
		return answer{}, errLooked
	}
	entry := audit.Entry{By: r.by(), Via: audit.Console, Target: id, Reason: reason}
	queue := r.console.Queue
	var does func(context.Context) error
	switch do {
	case doCancel:
		entry.Action = audit.Cancel
		does = func(ctx context.Context) error { return queue.Cancel(ctx, id) }
	case doRetry:
		entry.Action = audit.Retry
		does = func(ctx context.Context) error { return queue.Retry(ctx, id, r.by()) }
	default:
		entry.Action, entry.Detail = audit.Resolve, map[string]string{"as": do}
		resolution := r.resolution(do)
		does = func(ctx context.Context) error { return queue.Resolve(ctx, id, resolution) }
	}
	err = r.console.Audit.Do(r.Context(), entry, func(ctx context.Context) (map[string]string, error) {
		return nil, does(ctx)
	})
	if err != nil {
		return answer{}, err
	}
	return answer{to: link("task", "id", id), done: "done." + do}, nil
}

// resolution is what the form says of an uncertain task.
func (r *request) resolution(do string) tasks.Resolution {
	switch do {
	case doFailed:
		return tasks.ResolveFailed(r.by())
	case doAgain:
		return tasks.ResolveRetry(r.by())
	}
	result := json.RawMessage(r.field(longField))
	if len(result) == 0 {
		fields := map[string]string{}
		for _, name := range []string{"SubsId", "SecretNo", "Extension"} {
			if value := r.field(name); value != "" {
				fields[name] = value
			}
		}
		result, _ = json.Marshal(fields) //nolint:errchkjson // texts
	}
	return tasks.ResolveSucceeded(result, r.by())
}
