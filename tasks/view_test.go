package tasks_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func TestViewMasksNumbers(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	request := axn()
	request.OutID = "o-1"
	id, err := queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), s.queue, request, tasks.TaskID("order-42")))
	if err != nil {
		t.Fatal(err)
	}
	view := func() tasks.View {
		t.Helper()
		v, err := s.queue.View(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, number := range []dypls.Phone{numberA, numberB, numberX} {
			if strings.Contains(string(data), string(number)) {
				t.Errorf("a number shows: %s", data)
			}
		}
		if v.EnqueuedAt.IsZero() || v.FinishedAt.IsZero() == (v.State == "succeeded") {
			t.Errorf("it was enqueued %s and finished %s", v.EnqueuedAt, v.FinishedAt)
		}
		v.EnqueuedAt, v.FinishedAt = time.Time{}, time.Time{}
		return v
	}
	want := tasks.View{
		ID: id, Action: "BindAxn", State: "queued",
		Request: map[string]string{
			"PoolKey": "FC1", "PhoneNoA": "150****5671", "PhoneNoB": "158****5672", "PhoneNoX": "170****5673",
			"Expiration": request.Expiration.String(), "OutId": "o-1",
		},
	}
	if diff := cmp.Diff(want, view()); diff != "" {
		t.Errorf("queued (-want +got):\n%s", diff)
	}
	begun := s.begin(t, id)
	want.State, want.Attempts, want.Calls = "calling", 1, 1
	if diff := cmp.Diff(want, view()); diff != "" {
		t.Errorf("calling (-want +got):\n%s", diff)
	}
	waiting := record.Ending{ID: id, Fence: begun.Fence, State: record.Waiting, Code: "isp.SYSTEM_ERROR", Class: "Unavailable", RequestID: "R", Counts: true, Sent: true}
	if _, err := s.store.Finish(t.Context(), waiting); err != nil {
		t.Fatal(err)
	}
	want.State, want.Code, want.Class, want.RequestID = "waiting", "isp.SYSTEM_ERROR", "Unavailable", "R"
	if diff := cmp.Diff(want, view()); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
	s.bind(t, id, binding)
	want = tasks.View{ID: id, Action: "BindAxn", State: "succeeded", Attempts: 2, Calls: 2, Code: "OK", Message: "OK", RequestID: "R1"}
	if diff := cmp.Diff(want, view()); diff != "" {
		t.Errorf("succeeded (-want +got):\n%s", diff)
	}
	if _, err := s.queue.View(t.Context(), "nobody"); !errors.Is(err, tasks.ErrUnknownTask) {
		t.Errorf("nobody: %v", err)
	}
}
