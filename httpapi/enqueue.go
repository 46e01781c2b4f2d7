package httpapi

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const headerKey = "Idempotency-Key"

// Enqueued is a task that is recorded.
type Enqueued struct {
	ID     string      `json:"id"`
	Action string      `json:"action"`
	State  tasks.State `json:"state"`
	// Known says that it was recorded before: the same request under the same key.
	Known bool `json:"known"`
}

// enqueue takes one task.
func (a *API) enqueue(e *exchange) error {
	body, err := e.posted(e.query(), maxBody)
	if err != nil {
		return err
	}
	key, wrong := e.key()
	s, problems := a.decodeSubmission(body)
	item, problems := s.item(append(wrong, problems...), key)
	if len(problems) > 0 {
		return &dypls.ValidationError{Problems: problems}
	}
	told := Enqueued{Action: item.Kind.Action(), State: tasks.StatePending}
	item.Options = append(item.Options, tasks.IfKnown(func(state tasks.State) {
		told.Known, told.State = true, state
	}))
	ctx, cancel := e.ask()
	defer cancel()
	ids, err := a.queue.EnqueueAll(ctx, []tasks.UntypedItem{item})
	if err != nil {
		return a.notEnqueued(alone(err), ids, s.id != nil)
	}
	told.ID = ids[0]
	e.Header().Set("Location", locationOf(told.ID))
	return e.answer(statusOf(told.Known), told)
}

// statusOf is 202 for what is to be performed, and 200 for what was asked for before.
func statusOf(known bool) int {
	if known {
		return http.StatusOK
	}
	return http.StatusAccepted
}

// alone is what is wrong with the one task of a batch.
func alone(err error) error {
	batch, is := errors.AsType[*tasks.BatchError](err)
	if !is || len(batch.Items) != 1 {
		return err
	}
	err = batch.Items[0].Err
	if errors.Is(err, tasks.ErrKeyReused) {
		return problem(keyReused, fieldErrors(err, nil)...)
	}
	return err
}

// notEnqueued tells the key of a task that may be recorded and had none.
func (a *API) notEnqueued(err error, ids []string, keyed bool) error {
	p := a.problemOf(err)
	if !keyed && p.Status >= http.StatusInternalServerError {
		return p.repeatUnder(ids)
	}
	return p
}

// key is the key that the header gives, bare or in quotes; nil where it gives none.
func (e *exchange) key() (*string, []dypls.Problem) {
	given := e.r.Header.Values(headerKey)
	switch len(given) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, []dypls.Problem{{Field: headerKey, Rule: "is given twice", Remedy: "keep one"}}
	}
	key := given[0]
	if inside, quoted := strings.CutPrefix(key, `"`); quoted {
		if inside, quoted = strings.CutSuffix(inside, `"`); quoted {
			key = inside
		}
	}
	return &key, nil
}

// locationOf is the path of a task. Its id is one segment, and no segment of dots alone, which
// clients would resolve.
func locationOf(id string) string {
	segment := url.PathEscape(id)
	if strings.Trim(segment, ".") == "" {
		segment = strings.ReplaceAll(segment, ".", "%2E")
	}
	return routeTasks + "/" + segment
}
