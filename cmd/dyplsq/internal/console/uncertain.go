package console

import (
	"errors"
	"strconv"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// held is what the page of uncertain tasks shows.
type held struct {
	Count int
	Tasks []heldTask
	Next  string
}

// heldTask is one of them, with what is known of its call.
type heldTask struct {
	tasks.Explanation

	Since time.Time
	// RequestIDs are those of the calls that were made, as far as the API answered.
	RequestIDs []string
	Receipts   int  // calls that were made through a binding of it
	Unfound    bool // they are found by keys, and there are none
}

// heldPerPage bounds a page: each of them takes some ten commands to Redis.
const heldPerPage = 20

// uncertainPage lists what waits for somebody to settle it, the longest held first.
func uncertainPage(r *request) (answer, error) {
	if err := r.read(); err != nil {
		return answer{}, err
	}
	from := 0
	if text := r.field("from"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return answer{}, badField("from", errors.New("how many are passed over"))
		}
		from = n
	}
	all, err := r.console.Queue.Uncertain(r.Context())
	if err != nil {
		return answer{}, err
	}
	page := held{Count: all.Count}
	for i := min(from, len(all.Tasks)); i < min(from+heldPerPage, len(all.Tasks)); i++ {
		h, err := r.held(all.Tasks[i])
		if errors.Is(err, tasks.ErrUnknownTask) {
			continue // its time ended meanwhile
		}
		if err != nil {
			return answer{}, err
		}
		page.Tasks = append(page.Tasks, h)
	}
	if from+heldPerPage < len(all.Tasks) {
		page.Next = link("uncertain", "from", strconv.Itoa(from+heldPerPage))
	}
	return answer{page: "uncertain", data: page, live: listEvery}, nil
}

func (r *request) held(t tasks.UncertainTask) (h heldTask, err error) {
	h.Since = t.Since
	if h.Explanation, err = r.console.Queue.Explain(r.Context(), t.ID); err != nil {
		return h, err
	}
	for _, step := range h.Steps {
		if step.RequestID != "" {
			h.RequestIDs = append(h.RequestIDs, step.RequestID)
		}
	}
	of, _, err := r.console.Calls.List(r.Context(), calls.Filter{TaskID: t.ID, Limit: heldPerPage})
	h.Receipts = len(of)
	if h.Unfound = errors.Is(err, tasks.ErrUndecryptable); h.Unfound {
		err = nil
	}
	return h, err
}
