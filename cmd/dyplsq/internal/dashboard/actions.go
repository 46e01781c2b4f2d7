package dashboard

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// actions are asynqmon's buttons, with the record asked first: to delete or archive what waits is
// to cancel the task, to run a failed one tries it again, and an uncertain one, which may have
// taken effect, is left to whoever can settle it.
type actions struct {
	records *tasks.Queue
	asynq   *asynq.Inspector
	audit   *audit.Log
	next    http.Handler
}

// errRefused is why a button does nothing.
var errRefused = errors.New("refused")

// ServeHTTP implements [http.Handler].
func (a *actions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, ok, err := readButton(w, r)
	switch {
	case errors.Is(err, errMethod):
		http.Error(w, err.Error(), http.StatusMethodNotAllowed)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case !ok:
		a.passOn(w, r)
		return
	case b.all:
		if b.ids, err = a.list(r.Context(), b); err != nil {
			http.Error(w, "the tasks could not be listed: "+err.Error(), http.StatusInternalServerError)
			return
		}
	}
	done, refused, pressed, err := a.pressAll(r.Context(), b)
	switch err = cmp.Or(err, pressed); {
	case errors.Is(err, audit.ErrNotWritten) && len(done)+len(refused) == 0:
		unavailable(w, err)
	case b.many || b.all:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(b.answer(done, refused)) //nolint:errchkjson // strings and numbers
	case errors.Is(err, errRefused):
		http.Error(w, err.Error(), http.StatusConflict)
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		http.Error(w, "no such task: it has moved on", http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// press does to one task what a button says.
func (a *actions) press(ctx context.Context, b button, id string) error {
	if err := a.tellRecord(ctx, b, asynqwire.IDOfDelivery(id)); err != nil {
		return err
	}
	switch b.verb {
	case run:
		return a.run(ctx, b, id)
	case archive:
		return a.asynq.ArchiveTask(b.queue, id)
	case cancel:
		return a.asynq.CancelProcessing(id)
	}
	return a.asynq.DeleteTask(b.queue, id)
}

// runBy is who lets a failed task run again here.
const runBy = "dashboard"

// run has the record know first: what somebody wanted is not lost with the delivery. A failed task
// that asynq has forgotten, the workers deliver anew.
func (a *actions) run(ctx context.Context, b button, id string) error {
	wanted := false
	if task := asynqwire.IDOfDelivery(id); task != "" {
		var err error
		if wanted, err = a.records.Rerun(ctx, task, runBy); err != nil {
			return err
		}
	}
	err := a.asynq.RunTask(b.queue, id)
	if wanted && errors.Is(err, asynq.ErrTaskNotFound) {
		return nil
	}
	return err
}

// tellRecord makes the record say what the button will make of the task, or refuses.
func (a *actions) tellRecord(ctx context.Context, b button, id string) error {
	if id == "" || b.verb == cancel {
		return nil // not a task of ours, or one whose worker tells its record
	}
	view, err := a.records.View(ctx, id)
	switch {
	case errors.Is(err, tasks.ErrUnknownTask):
		return nil
	case err != nil:
		return err
	case view.State == string(tasks.StateUncertain):
		return fmt.Errorf(
			"%w: task %s is uncertain, it may have taken effect: settle it with dyplsq resolve %s --succeeded JSON | --failed | --retry",
			errRefused,
			id,
			id,
		)
	case b.verb == run, b.list == "archived", b.list == "completed":
		return nil // its outcome stays with the record
	}
	err = a.records.Cancel(ctx, id)
	if errors.Is(err, tasks.ErrNotCancelable) {
		o, readErr := a.records.Outcome(ctx, id)
		if readErr == nil && (o.State == tasks.StateSucceeded || o.State == tasks.StateFailed) {
			return nil
		}
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return err
}

// list returns asynq's ids of all tasks of a list.
func (a *actions) list(ctx context.Context, b button) (ids []string, err error) {
	const pageSize = 1000
	pages := map[string]func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error){
		"pending":   a.asynq.ListPendingTasks,
		"scheduled": a.asynq.ListScheduledTasks,
		"retry":     a.asynq.ListRetryTasks,
		"archived":  a.asynq.ListArchivedTasks,
		"completed": a.asynq.ListCompletedTasks,
	}
	for page := 1; ; page++ {
		if err := ctx.Err(); err != nil { // who asked has gone
			return nil, err
		}
		tasks, err := pages[b.list](b.queue, asynq.PageSize(pageSize), asynq.Page(page))
		if err != nil {
			return nil, err
		}
		for _, t := range tasks {
			ids = append(ids, t.ID)
		}
		if len(tasks) < pageSize {
			return ids, nil
		}
	}
}
