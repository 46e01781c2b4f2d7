package tasks_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// The JSON of an outcome is read by other programs, from --json and one day from callbacks: every
// change of a line here is a change of the contract with them.
func TestOutcomeJSON(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	const enqueued, finished = 1795330242123, 1795330242345 // 2026-11-22T06:50:42 UTC
	tests := map[string]struct {
		fields []any // of the record
		want   string
	}{
		"queued":  {[]any{"state", "queued", "attempts", 0, "calls", 0}, `"state":"pending","attempts":0,"calls":0,"code":"","message":"","class":"","request_id":"","enqueued_at":"2026-11-22T06:50:42.123Z"}`},
		"calling": {[]any{"state", "calling", "attempts", 1, "calls", 1}, `"state":"pending","attempts":1,"calls":1,"code":"","message":"","class":"","request_id":"","enqueued_at":"2026-11-22T06:50:42.123Z"}`},
		"waiting": { // what the latest attempt met is not the outcome
			[]any{"state", "waiting", "attempts", 1, "calls", 2, "code", "isp.SYSTEM_ERROR", "class", "Unavailable", "request_id", "R"},
			`"state":"pending","attempts":1,"calls":2,"code":"","message":"","class":"","request_id":"","enqueued_at":"2026-11-22T06:50:42.123Z"}`,
		},
		"succeeded": {
			[]any{
				"state", "succeeded", "attempts", 2, "calls", 3, "code", "OK", "message", "OK", "request_id", "8906582E-6722",
				"result", `{"SubsId":"1000","SecretNo":"17000000001","Extension":""}`, "finished_at", finished, "expires_at", 0,
			},
			`"state":"succeeded","attempts":2,"calls":3,"code":"OK","message":"OK","class":"","request_id":"8906582E-6722",` +
				`"result":{"SubsId":"1000","SecretNo":"17000000001","Extension":""},"enqueued_at":"2026-11-22T06:50:42.123Z","finished_at":"2026-11-22T06:50:42.345Z"}`,
		},
		"failed": {
			[]any{
				"state", "failed", "attempts", 1, "calls", 1, "code", "isv.NO_AVAILABLE_NUMBER", "message", "none left", "class", "Exhausted",
				"request_id", "R", "result", "", "finished_at", finished, "expires_at", 0,
			},
			`"state":"failed","attempts":1,"calls":1,"code":"isv.NO_AVAILABLE_NUMBER","message":"none left","class":"Exhausted","request_id":"R",` +
				`"enqueued_at":"2026-11-22T06:50:42.123Z","finished_at":"2026-11-22T06:50:42.345Z"}`,
		},
		"uncertain": {
			[]any{"state", "uncertain", "attempts", 1, "calls", 1, "code", "dyplsq.NoAnswer", "message", "m", "class", "Uncertain", "finished_at", finished},
			`"state":"uncertain","attempts":1,"calls":1,"code":"dyplsq.NoAnswer","message":"m","class":"Uncertain","request_id":"",` +
				`"enqueued_at":"2026-11-22T06:50:42.123Z","finished_at":"2026-11-22T06:50:42.345Z"}`,
		},
	}
	for id, test := range tests {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			fields := append([]any{"action", "BindAxn", "enqueued_at", enqueued}, test.fields...)
			if err := s.client.HSet(t.Context(), record.Key(id), fields...).Err(); err != nil {
				t.Fatal(err)
			}
			outcome, err := s.queue.Outcome(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(outcome)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(`{"id":"`+id+`","action":"BindAxn",`+test.want, string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			var back tasks.Outcome
			if err := json.Unmarshal(got, &back); err != nil || !cmp.Equal(outcome, back) {
				t.Errorf("read again (-want +got), %v:\n%s", err, cmp.Diff(outcome, back))
			}
		})
	}
}

func TestOutcomeErr(t *testing.T) {
	t.Parallel()
	for state, want := range map[tasks.State]error{
		tasks.StateSucceeded: nil, tasks.StatePending: tasks.ErrPending, tasks.StateUnknown: tasks.ErrUnknownTask,
	} {
		if err := (tasks.Outcome{State: state}).Err(); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", state, err, want)
		}
	}
	uncertain := tasks.Outcome{Action: "BindAxn", State: tasks.StateUncertain, Class: dypls.Uncertain, Code: dypls.CodeNoAnswer}
	if e, ok := errors.AsType[*dypls.Error](uncertain.Err()); !ok || e.Class != dypls.Uncertain || e.Code != dypls.CodeNoAnswer {
		t.Errorf("%v", uncertain.Err())
	}
}

// A link that no longer works is not handed out: the same request fetches a new one, as a new task.
func TestExpiredRecording(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		request := recording()
		enqueue := func() {
			t.Helper()
			if _, err := tasks.QueryRecordFileDownloadURL.Enqueue(t.Context(), s.queue, request, tasks.TaskID("rec")); err != nil {
				t.Fatal(err)
			}
		}
		enqueue()
		link := dypls.Recording{DownloadURL: "https://oss.example.com/r.mp3?Expires=1", ExpiresAt: time.Now().Add(time.Hour).UTC().Truncate(time.Second)}
		result, err := json.Marshal(link)
		if err != nil {
			t.Fatal(err)
		}
		s.settle(t, "rec", record.Ending{State: record.Succeeded, Code: "OK", Result: result, ExpiresAt: link.ExpiresAt})
		if got, err := tasks.QueryRecordFileDownloadURL.Result(t.Context(), s.queue, "rec"); err != nil || got != link {
			t.Errorf("%v, %v", got, err)
		}
		if err := s.asynq.DeleteTask("query", "rec.1"); err != nil { // as asynq does when it is done
			t.Fatal(err)
		}
		enqueue()
		if infos := s.deliveries(t, "query"); len(infos) != 0 {
			t.Errorf("%d deliveries while the link works", len(infos))
		}

		s.client.HSet(t.Context(), record.Key("rec"), "expires_at", time.Now().Add(-time.Second).UnixMilli())
		if _, err := tasks.QueryRecordFileDownloadURL.Result(t.Context(), s.queue, "rec"); !errors.Is(err, tasks.ErrUnknownTask) {
			t.Errorf("after the link expired: %v", err)
		}
		enqueue()
		if _, err := tasks.QueryRecordFileDownloadURL.Result(t.Context(), s.queue, "rec"); !errors.Is(err, tasks.ErrPending) {
			t.Errorf("enqueued anew: %v", err)
		}
		if infos := s.deliveries(t, "query"); len(infos) != 1 {
			t.Errorf("%d deliveries of the new task", len(infos))
		}
	})
}
