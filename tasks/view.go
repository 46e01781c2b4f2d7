package tasks

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// View is a task as an operator may see it: every number in it is masked, and no link.
type View struct {
	ID        string            `json:"id"`
	Action    string            `json:"action"`
	Account   string            `json:"account,omitempty"` // "" for the default account
	State     string            `json:"state"`             // the record's own, finer than an outcome's
	Attempts  int               `json:"attempts"`
	Calls     int               `json:"calls"`
	Code      string            `json:"code,omitempty"` // of the latest attempt
	Class     string            `json:"class,omitempty"`
	Message   string            `json:"message,omitempty"`
	RequestID string            `json:"request_id,omitempty"`
	Request   map[string]string `json:"request,omitempty"`   // gone after a success
	BindTask  string            `json:"bind_task,omitempty"` // whose binding this one is to remove
	Callback  string            `json:"callback,omitempty"`  // the endpoint that is to be told of it
	// Undecryptable says why request or result do not open, "" where they do.
	Undecryptable string `json:"undecryptable,omitempty"`
	// EnqueuedAt and FinishedAt are in UTC, by Redis' clock. FinishedAt is set only at the end.
	EnqueuedAt time.Time `json:"enqueued_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
}

// View returns what an operator may see of a task. Its errors are [ErrUnknownTask],
// [ErrUnreachable] and ctx's.
func (q *Queue) View(ctx context.Context, id string) (View, error) {
	views, err := q.Views(ctx, id)
	if err != nil {
		return View{}, err
	}
	view, known := views[id]
	if !known {
		return View{}, fmt.Errorf("task %s: %w", id, ErrUnknownTask)
	}
	return view, nil
}

// Views returns what an operator may see of tasks, in one round trip; unknown ones are left out.
// Its errors are [ErrUnreachable] and ctx's.
func (q *Queue) Views(ctx context.Context, ids ...string) (map[string]View, error) {
	records, err := q.records.Read(ctx, ids...)
	if err != nil {
		return nil, q.unreachable(err)
	}
	views := make(map[string]View, len(records))
	for _, r := range records {
		if r.State != "" {
			views[r.ID] = viewOf(r)
		}
	}
	return views, nil
}

func viewOf(r record.Record) View {
	return View{
		ID:        r.ID,
		Action:    r.Action,
		Account:   r.Account,
		State:     string(r.State),
		Attempts:  r.Attempts,
		Calls:     r.Calls,
		Code:      r.Code,
		Class:     r.Class,
		Message:   r.Message,
		RequestID: r.RequestID,
		Request:   maskedRequest(r),
		BindTask:  r.Undoes,
		Callback:  r.Callback,

		Undecryptable: why(r.Undecryptable),

		EnqueuedAt: r.EnqueuedAt,
		FinishedAt: r.FinishedAt,
	}
}

func maskedRequest(r record.Record) map[string]string {
	kind, known := Lookup(r.Action)
	if !known || len(r.Request) == 0 {
		return nil
	}
	item, err := kind.Decode(r.Request)
	if err != nil {
		return nil
	}
	return dypls.ParametersOf(item.Request).Masked()
}
