package tasks_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// end has a new task end in a state, with a code.
func (s server) end(t *testing.T, id string, state record.State, code string) {
	t.Helper()
	if _, err := queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), s.queue, axn(), tasks.TaskID(id))); err != nil {
		t.Fatal(err)
	}
	if state == record.Queued {
		return
	}
	e := record.Ending{ID: id, Fence: s.begin(t, id).Fence, State: state, Code: code, Counts: true, Sent: true, Keep: time.Hour}
	if _, err := s.store.Finish(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// TestCount: tasks are counted and found as they are listed, by each of their properties.
func TestCount(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	for n := range 7 {
		s.end(t, fmt.Sprint("x", n), record.Failed, "isv.X")
	}
	for n := range 3 {
		s.end(t, fmt.Sprint("y", n), record.Failed, "isv.Y")
	}
	s.end(t, "held", record.Uncertain, dypls.CodeNoAnswer)
	s.end(t, "open", record.Queued, "")
	counts, err := s.queue.Count(t.Context(), tasks.Filter{})
	want := tasks.Counts{
		Tasks: 12, States: map[string]int{"failed": 10, "uncertain": 1, "queued": 1},
		Codes:   map[string]int{"isv.X": 7, "isv.Y": 3, dypls.CodeNoAnswer: 1},
		Actions: map[string]int{"BindAxn": 12}, Accounts: map[string]int{tasks.DefaultAccount: 12},
		Complete: true, AtMost: 12,
	}
	if diff := cmp.Diff(want, counts); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	failed := tasks.Filter{States: []tasks.State{tasks.StateFailed}, Code: "isv.X", Cursor: "ignored", Limit: 1}
	if counts, err = s.queue.Count(t.Context(), failed); err != nil || counts.Tasks != 7 || counts.Codes["isv.X"] != 7 {
		t.Errorf("of a code: %+v, %v", counts, err)
	}
	for most, all := range map[int]bool{3: false, 7: true, 100: true} {
		found, complete, err := s.queue.Find(t.Context(), failed, most)
		var ids []string
		for _, f := range found {
			ids = append(ids, f.ID)
		}
		slices.Sort(ids)
		if err != nil || len(slices.Compact(ids)) != min(most, 7) || complete != all {
			t.Errorf("%d at the most: %q, all %t, %v", most, ids, complete, err)
		}
	}
	_, err = s.queue.Count(t.Context(), tasks.Filter{Action: "BindAxy"})
	if _, is := errors.AsType[*dypls.ValidationError](err); !is {
		t.Errorf("%v", err)
	}
}

// TestRetry: what failed is delivered once more under its key, whatever became of its delivery;
// nothing else is.
func TestRetry(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	s.end(t, "failed", record.Failed, "isv.X")
	s.end(t, "held", record.Uncertain, dypls.CodeNoAnswer)
	s.end(t, "open", record.Queued, "")
	s.end(t, "bound", record.Queued, "")
	s.bind(t, "bound", binding)
	if err := s.queue.Retry(t.Context(), "failed", "li"); err != nil {
		t.Fatal(err)
	}
	e, err := s.queue.Explain(t.Context(), "failed")
	if err != nil || e.State != "queued" || !strings.Contains(fmt.Sprintf("%+v", e), "li") {
		t.Errorf("it is %s: %+v, %v", e.State, e, err)
	}
	for id, want := range map[string]error{
		"failed": tasks.ErrNotFailed, "held": tasks.ErrNotFailed, "open": tasks.ErrNotFailed, "bound": tasks.ErrNotFailed,
		"nobody": tasks.ErrUnknownTask,
	} {
		if err := s.queue.Retry(t.Context(), id, "li"); !errors.Is(err, want) {
			t.Errorf("retry %s: %v, want %v", id, err, want)
		}
	}
}
