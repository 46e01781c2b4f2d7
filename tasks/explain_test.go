package tasks_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func (s server) explain(t *testing.T, id string) tasks.Explanation {
	t.Helper()
	e, err := s.queue.Explain(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range []dypls.Phone{numberA, numberB, numberX} {
		if strings.Contains(string(data), string(number)) {
			t.Errorf("a number shows: %s", data)
		}
	}
	return e
}

func wantWhy(t *testing.T, e tasks.Explanation, says ...string) {
	t.Helper()
	for _, text := range says {
		if !strings.Contains(e.Why+" "+e.Remedy, text) {
			t.Errorf("%s does not say %q: %s. %s", e.ID, text, e.Why, e.Remedy)
		}
	}
}

// Why a task stands where it does, before it has its outcome.
func TestExplainPending(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		e := s.explain(t, s.enqueue(t, tasks.TaskID("due")))
		wantWhy(t, e, "waits for a worker", "no worker serves its queue", "dyplsq worker")
		if e.Delivery.ID != "due.1" || e.Delivery.State != "pending" || e.Deadline.IsZero() || !e.Until.IsZero() || e.Request["PhoneNoA"] != "150****5671" {
			t.Errorf("%+v", e)
		}
		s.enqueue(t, tasks.TaskID("scheduled"), tasks.ProcessIn(10*time.Minute))
		if e = s.explain(t, "scheduled"); e.Delivery.State != "scheduled" || e.Delivery.At.Before(e.ProcessAt) {
			t.Errorf("%+v", e)
		}
		wantWhy(t, e, "it is to start later")
		if err := s.queue.Pause(t.Context(), "bind"); err != nil {
			t.Fatal(err)
		}
		wantWhy(t, s.explain(t, "due"), "its queue is paused", "dyplsq resume bind")

		if _, err := s.store.Create(t.Context(), []*record.New{{ID: "undelivered", Action: "BindAxn", Request: []byte(`{}`), Fingerprint: "f"}}); err != nil {
			t.Fatal(err)
		}
		wantWhy(t, s.explain(t, "undelivered"), "it has no delivery", "half a minute")
		if err := s.asynq.ArchiveTask("bind", "scheduled.1"); err != nil {
			t.Fatal(err)
		}
		wantWhy(t, s.explain(t, "scheduled"), "put away by hand")
		s.client.HDel(t.Context(), "asynq:{bind}:t:due.1", "msg")
		wantWhy(t, s.explain(t, "due"), "cannot be read")

		s.enqueue(t, tasks.TaskID("called"))
		s.begin(t, "called")
		if e = s.explain(t, "called"); !e.Until.After(e.At) || e.Claim.IsZero() {
			t.Errorf("%+v", e)
		}
		wantWhy(t, e, "a worker is calling")
		s.client.HSet(t.Context(), record.Key("called"), "claim_until", e.At.Add(-time.Minute).UnixMilli())
		wantWhy(t, s.explain(t, "called"), "has ended without a word")
		if _, err := s.queue.Explain(t.Context(), "nobody"); !errors.Is(err, tasks.ErrUnknownTask) {
			t.Errorf("nobody: %v", err)
		}
	})
}

// Attempt by attempt, and what it amounts to.
func TestExplainSteps(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("k"))
		s.settle(t, "k", record.Ending{State: record.Waiting, Code: "isp.SYSTEM_ERROR", Class: "Unavailable", RequestID: "R1", MayHaveRun: true})
		e := s.explain(t, "k")
		if len(e.Steps) != 1 || e.Steps[0].Attempt != 1 || !e.Steps[0].Counts || e.Steps[0].RequestID != "R1" || !e.MayHaveRun || e.Forgotten {
			t.Errorf("%+v", e)
		}
		s.settle(t, "k", record.Ending{State: record.Waiting, Code: dypls.CodeNoAnswer, Class: "Uncertain", Doubt: record.DoubtCall})
		if e = s.explain(t, "k"); e.Doubt == nil || e.Doubt.Since.IsZero() {
			t.Errorf("%+v", e)
		}
		s.client.HDel(t.Context(), record.Key("k"), "doubt_at")
		s.settle(t, "k", record.Ending{State: record.Uncertain, Code: dypls.CodeNoAnswer, Class: "Uncertain", Message: "no answer"})
		e = s.explain(t, "k")
		wantWhy(t, e, "held", "dyplsq resolve k")
		if !e.KeptUntil.IsZero() || len(e.Steps) != 3 {
			t.Errorf("%+v", e)
		}
		if err := s.queue.Resolve(t.Context(), "k", tasks.ResolveFailed("13800000001 anna")); err != nil {
			t.Fatal(err)
		}
		e = s.explain(t, "k")
		wantWhy(t, e, "it failed", "settled by 138****0001 anna")
		if e.Steps[3].Kind != "resolved" || e.Steps[3].As != "failed" || e.Steps[3].Class != "" || e.KeptUntil.IsZero() {
			t.Errorf("%+v", e)
		}
		s.bind(t, s.enqueue(t, tasks.TaskID("once")), binding)
		if e = s.explain(t, "once"); e.Steps == nil || len(e.Steps) != 0 || e.State != "succeeded" {
			t.Errorf("%+v", e)
		}
	})
}

// A retry is told with its time; a deadline before it, as well.
func TestExplainRetry(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.enqueue(t, tasks.TaskID("k"), tasks.ProcessIn(30*time.Minute), tasks.Within(time.Minute))
		s.settle(t, "k", record.Ending{State: record.Waiting, Code: "isv.FLOW_LIMIT", Class: "Throttled"})
		info, err := s.asynq.GetTaskInfo("bind", "k.1")
		if err != nil {
			t.Fatal(err)
		}
		s.client.ZRem(t.Context(), "asynq:{bind}:scheduled", "k.1")
		s.client.ZAdd(t.Context(), "asynq:{bind}:retry", z("k.1", info.NextProcessAt.Add(time.Hour)))
		s.client.HSet(t.Context(), "asynq:{bind}:t:k.1", "state", asynq.TaskStateRetry.String())
		e := s.explain(t, "k")
		wantWhy(t, e, "isv.FLOW_LIMIT (Throttled)", "its time is over then", "dyplsq.Expired")
		if !e.Delivery.At.Equal(info.NextProcessAt.Add(time.Hour)) {
			t.Errorf("%+v", e)
		}
	})
}
