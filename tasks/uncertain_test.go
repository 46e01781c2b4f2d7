package tasks_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestUncertainTasksAreListedUntilTheyAreSettled, also where more were settled than one look at the
// list meets.
func TestUncertainTasksAreListedUntilTheyAreSettled(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		const settled = 1100 // more than one look meets
		items := make([]tasks.Item[dypls.BindAXNRequest], settled+2)
		for i := range items {
			items[i] = tasks.Item[dypls.BindAXNRequest]{Request: axn(), Options: []tasks.Option{tasks.TaskID(fmt.Sprintf("k-%04d", i))}}
		}
		ids, err := tasks.BindAXN.EnqueueAll(t.Context(), s.queue, items)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			s.settle(t, id, record.Ending{State: record.Uncertain, Code: dypls.CodeNoAnswer})
		}
		for _, id := range ids[:settled] {
			if err := s.queue.Resolve(t.Context(), id, tasks.ResolveFailed("ops")); err != nil {
				t.Fatal(err)
			}
		}
		found, err := s.queue.Uncertain(t.Context())
		if err != nil || found.Count != 2 || len(found.Tasks) != 2 {
			t.Fatalf("%d, %d listed, %v", found.Count, len(found.Tasks), err)
		}
		for i, task := range found.Tasks {
			if task.ID != ids[settled+i] || task.Action != "BindAxn" || task.Code != dypls.CodeNoAnswer || task.Since.IsZero() {
				t.Errorf("%+v", task)
			}
			if err := s.queue.Resolve(t.Context(), task.ID, tasks.ResolveRetry("ops")); err != nil {
				t.Error(err)
			}
		}
		if found, err := s.queue.Uncertain(t.Context()); err != nil || found.Count != 0 || len(found.Tasks) != 0 {
			t.Errorf("after all were settled: %+v, %v", found, err)
		}
	})
}

// TestUncertainOfAClosedQueue tells what is wrong as every other question does.
func TestUncertainOfAClosedQueue(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	if err := s.queue.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.queue.Uncertain(t.Context()); !errors.Is(err, tasks.ErrClosed) {
		t.Error(err)
	}
}
