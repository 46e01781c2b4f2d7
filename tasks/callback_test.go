package tasks_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// The record of a task names the endpoint only where the task did, and whoever reads an outcome is
// told; its JSON is the same as without.
func TestCallbackIsRecorded(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("none"))
		s.enqueue(t, tasks.TaskID("shop"), tasks.Callback("shop"))
		s.fail(t, "shop")
		for id, want := range map[string]string{"none": "", "shop": "shop"} {
			if got := s.client.HExists(t.Context(), record.Key(id), "callback").Val(); got != (want != "") {
				t.Errorf("%s: the record has a field: %t", id, got)
			}
			o, err := s.queue.Outcome(t.Context(), id)
			if err != nil || o.Callback != want {
				t.Errorf("%s: %q, %v", id, o.Callback, err)
			}
			if written, err := o.MarshalJSON(); err != nil || strings.Contains(string(written), "allback") {
				t.Errorf("%s: %s, %v", id, written, err)
			}
			if view, err := s.queue.View(t.Context(), id); err != nil || view.Callback != want {
				t.Errorf("%s: %+v, %v", id, view, err)
			}
			if e, err := s.queue.Explain(t.Context(), id); err != nil || e.Callback != want {
				t.Errorf("%s: %+v, %v", id, e, err)
			}
		}
	})
}

// Another endpoint, or none, under the same key is the same task, which keeps the one it was given.
func TestCallbackIsNoPartOfTheRequest(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("k"), tasks.Callback("first"))
		for _, again := range [][]tasks.Option{{}, {tasks.Callback("second")}, {tasks.Callback("first")}} {
			known := tasks.StateUnknown
			s.enqueue(t, append(again, tasks.TaskID("k"), tasks.IfKnown(func(state tasks.State) { known = state }))...)
			if known != tasks.StatePending {
				t.Errorf("%d options: %s", len(again), known)
			}
		}
		if o, err := s.queue.Outcome(t.Context(), "k"); err != nil || o.Callback != "first" {
			t.Errorf("%+v, %v", o, err)
		}
	})
}

func TestCallbackNames(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	for _, name := range []string{"", "a b", " a", "a:b", "{a}", "店", strings.Repeat("a", 65)} {
		_, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, axn(), tasks.Callback(name))
		if !slices.Equal(fieldsOf(err), []string{"Callback"}) {
			t.Errorf("%q: %v", name, err)
		}
	}
	s.enqueue(t, tasks.Callback(strings.Repeat("A", 60)+"._-9"))
}

// A cluster and a batch record it by other scripts.
func TestCallbackOnACluster(t *testing.T) {
	t.Parallel()
	testCallbackOfBatch(t, redistest.StartMasters(t, 3).Client(t))
}

func TestCallbackOfABatch(t *testing.T) {
	t.Parallel()
	testCallbackOfBatch(t, redistest.Start(t).Client(t))
}

func testCallbackOfBatch(t *testing.T, client redis.UniversalClient) {
	t.Helper()
	queue := queuetest.On(t, client)
	items := []tasks.Item[dypls.BindAXNRequest]{item("a"), item("b"), item("c")}
	items[0].Options = append(items[0].Options, tasks.Callback("shop"))
	items[2].Options = append(items[2].Options, tasks.Callback("food"), tasks.Account("other"))
	for range 2 {
		ids, err := tasks.BindAXN.EnqueueAll(t.Context(), queue, items)
		if err != nil {
			t.Fatal(err)
		}
		outcomes, err := queue.Outcomes(t.Context(), ids...)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{"shop", "", "food"} {
			if outcomes[i].Callback != want {
				t.Errorf("%s: %q", ids[i], outcomes[i].Callback)
			}
		}
	}
}
