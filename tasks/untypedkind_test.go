package tasks_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	var actions, queues []string
	for _, kind := range tasks.Kinds() {
		actions, queues = append(actions, kind.Action()), append(queues, kind.Queue())
	}
	want := []string{"BindAxn", "BindAxb", "BindAxnExtension", "BindAxg", "UnbindSubscription", "UpdateSubscription", "QueryRecordFileDownloadUrl"}
	if diff := cmp.Diff(want, actions); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(dispatch.Queues(), slices.Compact(queues)); diff != "" {
		t.Errorf("queues (-want +got):\n%s", diff)
	}
	for _, unknown := range []string{"", "BindAx", "BindAxnExtensio", "bindaxn", "QuerySubsId"} {
		if _, found := tasks.Lookup(unknown); found {
			t.Errorf("%q was found", unknown)
		}
	}
}

func TestDynamicEnqueue(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	kind, found := tasks.Lookup("UnbindSubscription")
	if !found {
		t.Fatal("not found")
	}
	one, err := kind.Decode([]byte(`{"PoolKey":"FC1","SubsId":"1","SecretNo":"17012345673","TaskID":"u-1"}`))
	if err != nil {
		t.Fatal(err)
	}
	two, err := kind.Decode([]byte(`{"PoolKey":"FC1","SubsId":"2","SecretNo":"17012345673","TaskID":null}`))
	if err != nil {
		t.Fatal(err)
	}
	ids, err := s.queue.EnqueueAll(t.Context(), []tasks.UntypedItem{one, two})
	if err != nil || ids[0] != "u-1" || len(ids[1]) != 36 {
		t.Fatalf("%v, %v", ids, err)
	}
	// the same task, whichever way it is enqueued
	id, err := queuetest.ID(tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, dypls.UnbindSubscriptionRequest{PoolKey: "FC1", SubsID: "1", SecretNo: numberX}, tasks.TaskID("u-1")))
	if id != "u-1" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
	if infos := s.deliveries(t, "unbind"); len(infos) != 2 {
		t.Errorf("%d deliveries", len(infos))
	}
}

// A key that a template left empty is a mistake: taken for no key, it would make every repetition a
// new task.
func TestDynamicRefusesAnEmptyKey(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	kind, _ := tasks.Lookup("UnbindSubscription")
	item, err := kind.Decode([]byte(`{"PoolKey":"FC1","SubsId":"1","SecretNo":"17012345673","TaskID":""}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.queue.EnqueueAll(t.Context(), []tasks.UntypedItem{item})
	batch, ok := errors.AsType[*tasks.BatchError](err)
	if !ok || !slices.Equal(fieldsOf(batch.Items[0].Err), []string{"TaskID"}) {
		t.Errorf("%v", err)
	}
	for name, line := range map[string]string{"a number": `{"TaskID":7}`, "an object": `{"TaskID":{}}`} {
		if _, err := kind.Decode([]byte(line)); !slices.Contains(fieldsOf(err), "TaskID") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
