package httpapi

import (
	"encoding/json"
	"fmt"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const mostTasks = 1000

// enqueuedBatch are the tasks of a batch, in its order.
type enqueuedBatch struct {
	Tasks []Enqueued `json:"tasks"`
}

// enqueueBatch takes many tasks, all or none.
func (a *API) enqueueBatch(e *exchange) error {
	q := e.query()
	if e.r.Header.Values(headerKey) != nil {
		q.refuse(headerKey, "goes with one task", "give each task of a batch its id")
	}
	body, err := e.posted(q, maxBatchBody)
	if err != nil {
		return err
	}
	items, told, keyed, err := a.decodeBatch(body)
	if err != nil {
		return err
	}
	ctx, cancel := e.askFor(batchShare * a.asked)
	defer cancel()
	ids, err := a.queue.EnqueueAll(ctx, items)
	if err != nil {
		return a.notEnqueued(err, ids, keyed)
	}
	known := true
	for i, id := range ids {
		told[i].ID = id
		known = known && told[i].Known
	}
	return e.answer(statusOf(known), enqueuedBatch{told})
}

// decodeBatch reads a batch, and everything that is wrong with all of it.
func (a *API) decodeBatch(
	data []byte,
) (items []tasks.UntypedItem, told []Enqueued, keyed bool, err error) {
	var list json.RawMessage
	problems := problemsOf(dypls.DecodeObject(data, dypls.Extra{Name: "tasks", Into: &list}))
	var texts []json.RawMessage
	if len(problems) == 0 &&
		(json.Unmarshal(list, &texts) != nil || len(texts) == 0 || len(texts) > mostTasks) {
		problems = []dypls.Problem{{
			Field: "tasks", Rule: fmt.Sprintf("must be a JSON array of 1 to %d tasks", mostTasks),
			Remedy: "split what is more",
		}}
	}
	if len(problems) > 0 {
		return nil, nil, false, &dypls.ValidationError{Problems: problems}
	}
	items, told, keyed = make([]tasks.UntypedItem, len(texts)), make([]Enqueued, len(texts)), true
	var errs []FieldError
	for i, text := range texts {
		s, found := a.decodeSubmission(text)
		item, found := s.item(found, nil)
		if len(found) > 0 {
			errs = append(errs, fieldErrors(&dypls.ValidationError{Problems: found}, &i)...)
			continue
		}
		keyed = keyed && s.id != nil
		told[i] = Enqueued{Action: item.Kind.Action(), State: tasks.StatePending}
		item.Options = append(item.Options, tasks.IfKnown(func(state tasks.State) {
			told[i].Known, told[i].State = true, state
		}))
		items[i] = item
	}
	if errs != nil {
		return nil, nil, false, invalidWith(append(errs, wrongWith(items)...))
	}
	return items, told, keyed, nil
}

// wrongWith is what is wrong with tasks that could be read, where others could not.
func wrongWith(items []tasks.UntypedItem) (errs []FieldError) {
	for i, item := range items {
		if item.Request == nil {
			continue
		}
		errs = append(errs, fieldErrors(item.Check(), &i)...)
	}
	return errs
}
