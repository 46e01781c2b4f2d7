package tasks_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// untyped is an item of a batch of several kinds.
func untyped(t *testing.T, action string, request dypls.Request, options ...tasks.Option) tasks.UntypedItem {
	t.Helper()
	kind, known := tasks.Lookup(action)
	if !known {
		t.Fatalf("%s is unknown", action)
	}
	return tasks.UntypedItem{Kind: kind, Request: request, Options: options}
}

// A batch of several kinds goes into several queues; in it, an unbind may name its bind.
func TestMixedBatch(t *testing.T) {
	t.Parallel()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		testMixedBatch(t, onMiniredis(t).client)
	})
	t.Run("redis-server", func(t *testing.T) {
		t.Parallel()
		testMixedBatch(t, redistest.Start(t).Client(t))
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		testMixedBatch(t, redistest.StartMasters(t, 3).Client(t))
	})
}

func testMixedBatch(t *testing.T, client redis.UniversalClient) {
	t.Helper()
	queue := queuetest.On(t, client)
	items := []tasks.UntypedItem{
		untyped(t, "UnbindSubscription", dypls.UnbindSubscriptionRequest{}, tasks.TaskID("undo"), tasks.UnbindOf("bind")),
		untyped(t, "QueryRecordFileDownloadUrl", recording(), tasks.TaskID("recording")),
		untyped(t, "BindAxn", axn(), tasks.TaskID("bind")),
		untyped(t, "UnbindSubscription", unbinding(), tasks.TaskID("unbind")),
	}
	for range 2 { // the second time all keys are known
		ids, err := queue.EnqueueAll(t.Context(), items)
		if diff := cmp.Diff([]string{"undo", "recording", "bind", "unbind"}, ids); diff != "" || err != nil {
			t.Fatalf("%v, ids (-want +got):\n%s", err, diff)
		}
	}
	outcomes, err := queue.Outcomes(t.Context(), "undo", "recording", "bind", "unbind")
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, o := range outcomes {
		actions = append(actions, o.Action)
	}
	if diff := cmp.Diff([]string{"UnbindSubscription", "QueryRecordFileDownloadUrl", "BindAxn", "UnbindSubscription"}, actions); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
	stats, err := queue.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pending := map[string]int64{}
	for _, of := range stats {
		pending[of.Queue] = of.Pending
	}
	if diff := cmp.Diff(map[string]int64{"bind": 1, "unbind": 2, "update": 0, "query": 1}, pending); diff != "" {
		t.Errorf("tasks by queue (-want +got):\n%s", diff)
	}
}

// One wrong item of any kind, or one that is of none, and nothing is enqueued.
func TestMixedBatchIsAllOrNothing(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		_, err := s.queue.EnqueueAll(t.Context(), []tasks.UntypedItem{
			untyped(t, "BindAxn", axn(), tasks.TaskID("good")),
			{Request: axn()},
			untyped(t, "BindAxb", axn()),
			untyped(t, "BindAxb", nil),
			untyped(t, "UnbindSubscription", unbinding(), tasks.TaskID("good")),
			untyped(t, "UnbindSubscription", dypls.UnbindSubscriptionRequest{}, tasks.UnbindOf("unknown")),
			untyped(t, "UnbindSubscription", dypls.UnbindSubscriptionRequest{}, tasks.UnbindOf("recording")),
			untyped(t, "QueryRecordFileDownloadUrl", recording(), tasks.TaskID("recording")),
			untyped(t, "UnbindSubscription", dypls.UnbindSubscriptionRequest{}, tasks.UnbindOf("good"), tasks.Account("other")),
		})
		batch, ok := errors.AsType[*tasks.BatchError](err)
		if !ok {
			t.Fatalf("%v", err)
		}
		got := map[int]string{}
		for _, item := range batch.Items {
			got[item.Index] = fieldsOf(item.Err)[0]
		}
		want := map[int]string{1: "Kind", 2: "Request", 3: "Request", 4: "reused:", 5: "BindTaskID", 6: "BindTaskID", 8: "BindTaskID"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("problems by index (-want +got):\n%s\n%v", diff, err)
		}
		if strings.Contains(err.Error(), string(numberA)) {
			t.Errorf("a number: %v", err)
		}
		if keys := s.client.Keys(t.Context(), "dypls:{*").Val(); len(keys) != 0 {
			t.Errorf("records: %v", keys)
		}
	})
}

// The bind that an unbind names is recorded before it: no worker finds the unbind without its bind.
func TestMixedBatchRecordsBindsFirst(t *testing.T) {
	t.Parallel()
	s := newServer(t, redistest.Start(t).URL())
	const many = 300 // more than go in the round trips of one moment
	var items []tasks.UntypedItem
	bind := ""
	for i := range many {
		bind = fmt.Sprint("bind-", i)
		items = append(items, untyped(t, "BindAxn", axn(), tasks.TaskID(bind)))
	}
	items = slices.Insert(items, 0, untyped(t, "UnbindSubscription", dypls.UnbindSubscriptionRequest{}, tasks.TaskID("undo"), tasks.UnbindOf(bind)))
	if _, err := s.queue.EnqueueAll(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	fences := map[string]int64{} // count from Redis' clock when they were recorded
	for _, id := range []string{"undo", bind} {
		fence, err := s.client.HGet(t.Context(), record.Key(id), "fence").Int64()
		if err != nil {
			t.Fatal(err)
		}
		fences[id] = fence
	}
	if fences["undo"] <= fences[bind] {
		t.Errorf("the unbind was recorded %d µs before its bind", fences[bind]-fences["undo"])
	}
}
