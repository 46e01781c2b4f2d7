package httpapi

import (
	"net/http"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

// listed is how many entries a list has: 100 unless it is asked for another number.
var listed = setting.Range[int]{Least: 1, Most: 1000, Remedy: "leave it out for 100"}

const listedUsually = 100

// missingRecordings stands for all states in which a recording should be kept and is not.
const missingRecordings = "missing"

// callList is a page of calls. What is masked in a call is so for every token.
type callList struct {
	Calls []calls.Call `json:"calls"`
	Next  string       `json:"next,omitempty"` // the cursor of those that follow
}

// listCalls lists calls in the order in which they were dialled.
func (a *API) listCalls(e *exchange) error {
	q := e.query("task", "binding", "since", "recording", "cursor", "limit")
	filter := calls.Filter{
		TaskID:    q.values.Get("task"),
		SubsID:    q.values.Get("binding"),
		Since:     q.since(time.Now()),
		Recording: q.recordings(),
		Cursor:    q.values.Get("cursor"),
		Limit:     q.integer("limit", listed, listedUsually),
	}
	if err := q.err(); err != nil {
		return err
	}
	if a.calls == nil {
		return e.answer(http.StatusOK, callList{Calls: []calls.Call{}})
	}
	if err := e.work(); err != nil {
		return err
	}
	ctx, cancel := e.ask()
	defer cancel()
	found, next, err := a.calls.List(ctx, filter)
	if err != nil {
		return err
	}
	return e.answer(http.StatusOK, callList{Calls: orNone(found), Next: next})
}

// recordings are the states of recordings that are asked for.
func (q *query) recordings() []calls.RecordingState {
	if q.values.Get("recording") == missingRecordings {
		return calls.MissingRecordings()
	}
	known := []string{missingRecordings}
	for _, state := range calls.RecordingStates() {
		known = append(known, string(state))
	}
	var states []calls.RecordingState
	for _, name := range q.list("recording", known) {
		states = append(states, calls.RecordingState(name))
	}
	return states
}

// call tells what the receipts of a call say together.
func (a *API) call(e *exchange) error {
	if err := e.query().err(); err != nil {
		return err
	}
	if a.calls == nil {
		return problem(unknownCall)
	}
	if err := e.work(); err != nil {
		return err
	}
	ctx, cancel := e.ask()
	defer cancel()
	call, err := a.calls.Get(ctx, e.r.PathValue("call_id"))
	if err != nil {
		return err
	}
	return e.answer(http.StatusOK, call)
}

// orNone makes an empty list of none, which JSON writes as null.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
