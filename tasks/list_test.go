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

func list(t *testing.T, queue *tasks.Queue, f tasks.Filter) (ids []string) {
	t.Helper()
	for {
		views, next, err := queue.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range views {
			ids = append(ids, v.ID)
		}
		if f.Cursor = next; next == "" {
			slices.Sort(ids)
			return ids
		}
	}
}

// TestList: each filter finds what it names, in whatever pages, and shows no number.
func TestList(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	enqueue := func(id string, options ...tasks.Option) {
		t.Helper()
		options = append(options, tasks.TaskID(id))
		if _, err := queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), s.queue, axn(), options...)); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now().Add(-time.Minute)
	for _, id := range []string{"queued", "calling", "bound", "shop"} {
		enqueue(id)
	}
	enqueue("of-shop", tasks.Account("shop"))
	s.begin(t, "calling")
	s.bind(t, "bound", binding)
	for n, state := range []record.State{record.Failed, record.Failed, record.Uncertain} {
		id := fmt.Sprint("ended-", n)
		enqueue(id)
		e := record.Ending{ID: id, Fence: s.begin(t, id).Fence, State: state, Code: fmt.Sprint("isv.", n), Keep: time.Hour}
		if _, err := s.store.Finish(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	failed, uncertain := []tasks.State{tasks.StateFailed}, []tasks.State{tasks.StateUncertain}
	for name, c := range map[string]struct {
		filter tasks.Filter
		want   string
	}{
		"all":          {tasks.Filter{}, "bound calling ended-0 ended-1 ended-2 of-shop queued shop"},
		"failed":       {tasks.Filter{States: failed}, "ended-0 ended-1"},
		"of a code":    {tasks.Filter{States: failed, Code: "isv.1"}, "ended-1"},
		"of any state": {tasks.Filter{Code: "isv.2"}, "ended-2"},
		"ended badly":  {tasks.Filter{States: append(uncertain, failed...), Action: "BindAxn"}, "ended-0 ended-1 ended-2"},
		"other action": {tasks.Filter{Action: "UnbindSubscription"}, ""},
		"pending":      {tasks.Filter{States: []tasks.State{tasks.StatePending}}, "calling of-shop queued shop"},
		"calling":      {tasks.Filter{States: []tasks.State{"calling"}}, "calling"},
		"succeeded":    {tasks.Filter{States: []tasks.State{tasks.StateSucceeded}, Since: began}, "bound"},
		"account":      {tasks.Filter{Account: "shop"}, "of-shop"},
		"own account":  {tasks.Filter{Account: tasks.DefaultAccount, States: failed}, "ended-0 ended-1"},
		"not yet":      {tasks.Filter{Since: time.Now().Add(time.Hour)}, ""},
	} {
		for _, limit := range []int{0, 1, 2} {
			c.filter.Limit = limit
			if diff := cmp.Diff(c.want, strings.Join(list(t, s.queue, c.filter), " ")); diff != "" {
				t.Errorf("%s in pages of %d (-want +got):\n%s", name, limit, diff)
			}
		}
	}
	views, _, err := s.queue.List(t.Context(), tasks.Filter{States: failed, Code: "isv.1"})
	if err != nil || len(views) != 1 || views[0].FinishedAt.Before(began) || views[0].EnqueuedAt.After(views[0].FinishedAt) {
		t.Errorf("%+v, %v", views, err)
	}
	if text := fmt.Sprintf("%+v", views); strings.Contains(text, string(numberA)) || !strings.Contains(text, "150****5671") {
		t.Errorf("numbers are not masked: %s", text)
	}
}

func TestListRefuses(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	_, _, err := s.queue.List(t.Context(), tasks.Filter{
		States: []tasks.State{tasks.StateUnknown}, Action: "BindAxy", Account: "a b", Cursor: "?",
	})
	invalid, is := errors.AsType[*dypls.ValidationError](err)
	if !is || len(invalid.Problems) != 4 {
		t.Errorf("%v", err)
	}
}
