package tasks

import (
	"context"
	"time"
)

// UncertainTasks are the tasks that wait for somebody to settle them.
type UncertainTasks struct {
	Count int             `json:"count"` // of all, those beyond Tasks included
	Tasks []UncertainTask `json:"tasks"` // the longest held first, 1,000 at most
}

// UncertainTask is one of them.
type UncertainTask struct {
	ID      string    `json:"id"`
	Action  string    `json:"action"`
	Account string    `json:"account,omitempty"` // "" for the default account
	Code    string    `json:"code"`
	Since   time.Time `json:"since"`
}

const (
	uncertainMost  = 1000
	uncertainTrips = 10
)

// Uncertain returns the tasks that are uncertain: their calls may have taken effect, and nobody
// knows. Each waits for [Queue.Resolve], and [Queue.Explain] has what is known of it. A task is
// listed a moment after its outcome is told. Its errors are [ErrUnreachable] and ctx's.
func (q *Queue) Uncertain(ctx context.Context) (UncertainTasks, error) {
	var found UncertainTasks
	for range uncertainTrips { // a trip may meet nothing but settled ones, which it takes off the list
		held, err := q.records.Held(ctx, uncertainMost)
		if err != nil {
			return UncertainTasks{}, q.failure(ctx, err)
		}
		found = UncertainTasks{Count: held.Count, Tasks: make([]UncertainTask, len(held.Tasks))}
		for i, t := range held.Tasks {
			found.Tasks[i] = UncertainTask{
				ID:      t.ID,
				Action:  t.Action,
				Account: t.Account,
				Code:    t.Code,
				Since:   t.Since.UTC(),
			}
		}
		if len(held.Tasks) >= min(held.Count, uncertainMost) {
			break
		}
	}
	return found, nil
}
