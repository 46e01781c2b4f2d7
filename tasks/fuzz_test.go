package tasks_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func FuzzDecodePayload(f *testing.F) {
	f.Add([]byte(`{"v":1,"id":"order-42"}`))
	f.Add([]byte(`{"id":"order-42"}`))
	f.Add([]byte(`{"v":3,"id":{}}`))
	f.Add([]byte(`{"v":2,"id":"a","account":"shop"}`))
	f.Add([]byte("\x00null[]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := tasks.DecodePayload(data)
		if err != nil {
			if p != (tasks.Payload{}) || !errors.Is(err, tasks.ErrBadPayload) && !errors.Is(err, tasks.ErrNewerPayload) {
				t.Fatalf("%+v, %v", p, err)
			}
			return
		}
		// what is accepted survives being written and read, and its id can be a key of Redis and asynq
		if again, err := tasks.DecodePayload(p.Encode()); err != nil || again != p {
			t.Fatalf("%+v became %+v, %v", p, again, err)
		}
		if id := tasks.IDOfDelivery(p.ID + ".1"); id != p.ID {
			t.Fatalf("id %q became %q", p.ID, id)
		}
	})
}

func FuzzIDOfDelivery(f *testing.F) {
	for _, seed := range []string{"order-42.1", "a.b.9223372036854775808", ".", "..1", "订.1", strings.Repeat("k", 130)} {
		f.Add(seed, int64(1))
	}
	f.Fuzz(func(t *testing.T, taskID string, n int64) {
		id := tasks.IDOfDelivery(taskID)
		if id == "" {
			return
		}
		if len(id) > 128 || !strings.HasPrefix(taskID, id) {
			t.Fatalf("%q from %q", id, taskID)
		}
		if n > 0 && tasks.IDOfDelivery(id+"."+strconv.FormatInt(n, 10)) != id {
			t.Fatalf("delivery %d of %q names another task", n, id)
		}
	})
}

// Whatever stands in a record or in an outcome's JSON, written by another version or by hand, reading it never panics.
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
