package tasks_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Whatever stands in a record or in an outcome's JSON, written by another version or by hand,
// reading it never panics.
func FuzzOutcome(f *testing.F) {
	s := onMiniredis(f)
	f.Add("succeeded", "BindAxn", `{"SubsId":"1"}`, "1795330242123", `{"PoolKey":"FC1"}`)
	f.Add("failed", "nothing", "", "-1", "null")
	f.Add("succeeded", "QueryRecordFileDownloadUrl", `{"ExpiresAt":7}`, "9223372036854775807", `{"CallTime":1}`)
	f.Add("waiting", "", "\x00", "x", "[")
	f.Fuzz(func(t *testing.T, state, action, result, number, request string) {
		ctx := t.Context()
		s.client.Del(ctx, record.Key("k"))
		fields := []any{
			"state", state, "action", action, "result", result, "request", request, "code", result, "class", state,
			"attempts", number, "calls", number, "enqueued_at", number, "finished_at", number, "expires_at", number,
		}
		if err := s.client.HSet(ctx, record.Key("k"), fields...).Err(); err != nil {
			t.Fatal(err)
		}
		outcome, err := s.queue.Outcome(ctx, "k")
		if err != nil && !errors.Is(err, tasks.ErrUnknownTask) {
			t.Fatal(err)
		}
		_ = outcome.Err()
		_, _ = tasks.BindAXN.Result(ctx, s.queue, "k")
		_, _ = tasks.QueryRecordFileDownloadURL.Result(ctx, s.queue, "k")
		_, _ = s.queue.View(ctx, "k")
		if data, err := json.Marshal(outcome); err == nil {
			var back tasks.Outcome
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatalf("%s: %v", data, err)
			}
			_ = back.Err()
		}
		var foreign tasks.Outcome
		if json.Unmarshal([]byte(result), &foreign) == nil {
			_ = foreign.Err()
		}
	})
}
