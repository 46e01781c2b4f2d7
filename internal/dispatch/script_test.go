package tasks

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// TestAsynqScriptsAreKnown fails when asynq makes deliveries by another script than the one that was read. Read it then:
// record.HandoverScript says what is expected of it. Until its hash is changed here, deliveries take a round trip of their own.
func TestAsynqScriptsAreKnown(t *testing.T) {
	t.Parallel()
	got := slices.Sorted(maps.Keys(asynqScripts()))
	if want := []string{scheduleSHA, enqueueSHA}; !slices.Equal(got, want) {
		t.Errorf("asynq's scripts are %q, want %q", got, want)
	}
}

// TestScriptsThatAreNotKnownAreLeftToAsynq: it makes the same deliveries, one by one and in a batch.
func TestScriptsThatAreNotKnownAreLeftToAsynq(t *testing.T) {
	t.Parallel()
	q, err := Open("redis://" + miniredis.RunT(t).Addr() + "/0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	q.scripts = nil
	request := dypls.BindAXNRequest{PoolKey: "FC1", PhoneNoA: "15012345671", Expiration: dypls.At(time.Now().Add(time.Hour))}
	items := []Item[dypls.BindAXNRequest]{
		{Request: request, Options: []Option{TaskID("a")}},
		{Request: request, Options: []Option{TaskID("b"), ProcessIn(time.Hour / 2)}},
	}
	for range 2 {
		if _, err := BindAXN.EnqueueAll(t.Context(), q, items); err != nil {
			t.Fatal(err)
		}
		if _, err := BindAXN.Enqueue(t.Context(), q, request, TaskID("c")); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]asynq.TaskState{"a": asynq.TaskStatePending, "b": asynq.TaskStateScheduled, "c": asynq.TaskStatePending} {
		if info, err := q.inspector.GetTaskInfo("bind", id+".1"); err != nil || info.State != want {
			t.Errorf("%s: %+v, %v", id, info, err)
		}
	}
}
