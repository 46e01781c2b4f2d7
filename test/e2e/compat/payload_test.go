package compat

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestStrangePayloads: what cannot be read fails, once; what is newer is left; none of it disturbs
// the others.
func TestStrangePayloads(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	client := asynq.NewClientFromRedisClient(s.Redis.Client(t))
	put := func(taskType, id string, payload []byte) {
		t.Helper()
		if _, err := client.Enqueue(asynq.NewTask(taskType, payload), asynq.Queue("bind"), asynq.TaskID(id)); err != nil {
			t.Fatal(err)
		}
	}
	put("dypls:BindAxn", "garbage.1", []byte("\x00\xff not a payload of 13900000001"))
	put("dypls:BindAxn", "huge.1", []byte(strings.Repeat("x", 5<<20)))
	put("dypls:BindAxn", "no-such-record.1", []byte(`{"v":1,"id":"no-such-record"}`))
	put("dypls:BindAxn", "no-version.1", []byte(`{"id":"no-version"}`))
	put("dypls:BindAxn", "newer.1", []byte(`{"v":2,"id":"newer"}`))
	put("dypls:BindAxz", "unknown-type.1", []byte(`{"v":1,"id":"unknown-type"}`))

	w := s.Worker(t)
	if outcomes := s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(2, ""), "--wait", "20s"); outcomes[0].State != tasks.StateSucceeded {
		t.Errorf("a sound task is %s", outcomes[0].State)
	}
	for _, id := range []string{"garbage", "huge", "no-version"} {
		if o := s.Outcome(t, id, "20s"); o.State != tasks.StateFailed || o.Code != dypls.CodeInvalidPayload {
			t.Errorf("%s is %s %s, want failed %s", id, o.State, o.Code, dypls.CodeInvalidPayload)
		}
	}
	redistest.Poll(t, systemtest.StartWithin, "the newer ones to be left", w.Wrote("unknown task type; left for a newer worker"))
	redistest.Poll(t, systemtest.StartWithin, "the newer ones to be left", w.Wrote("the payload is of a newer version"))
	inspector := asynq.NewInspectorFromRedisClient(s.Redis.Client(t))
	redistest.Poll(t, systemtest.StartWithin, "each to be where it belongs", func(context.Context) error {
		for id, want := range map[string]asynq.TaskState{
			"garbage.1": asynq.TaskStateArchived, "huge.1": asynq.TaskStateArchived, "no-version.1": asynq.TaskStateArchived, "no-such-record.1": asynq.TaskStateArchived,
			"newer.1": asynq.TaskStateRetry, "unknown-type.1": asynq.TaskStateRetry,
		} {
			info, err := inspector.GetTaskInfo("bind", id)
			if err != nil || info.State != want {
				return fmt.Errorf("%s: %v, %w", id, info, err)
			}
			if info.Retried != 0 {
				t.Errorf("%s was retried %d times", id, info.Retried)
			}
		}
		return nil
	})
	systemtest.NoNumbers(t, "the worker's log", w.Text())
}

// TestPoisonedRecords: the request in a record cannot be read, or is none.
//
// Invariant: its task fails at once, as dyplsq.InvalidPayload and without a call, and holds up
// nobody else.
func TestPoisonedRecords(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	client := s.Redis.Client(t)
	poison := map[string]string{
		"garbage": "\x00\xff 13900000001", "cut": `{"PoolKey":"FC100000000001","PhoneNoA":"13900000001`, "nothing": "", "null": "null", "empty": "{}",
		"a-list": `["13900000001"]`, "a-text": `"13900000001"`, "wrong-types": `{"PoolKey":13900000001,"Expiration":true}`,
		"wrong-time": `{"PoolKey":"FC100000000001","PhoneNoA":"13900000001","Expiration":"13900000001"}`,
		"no-number":  `{"PoolKey":"FC100000000001","PhoneNoA":"+-","Expiration":"2099-01-31 23:59:59"}`,
	}
	var ids []string
	for action, request := range map[string]string{
		"BindAxn":            systemtest.Bind(1, `,"TaskID":%q`),
		"UnbindSubscription": `{"TaskID":%q,"PoolKey":"` + dyplstest.DefaultPoolKey + `","SubsId":"1000","SecretNo":"17000000001"}`,
	} {
		lines := ""
		for name := range poison {
			ids = append(ids, action+"-"+name)
			lines += fmt.Sprintf(request, action+"-"+name) + "\n"
		}
		s.EnqueueBatch(t, action, lines)
		for name, request := range poison {
			if err := client.HSet(t.Context(), "dypls:{"+action+"-"+name+"}", "request", request).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	w := s.Worker(t)
	for id, o := range s.Told(t, ids, 30*time.Second) {
		if o.State != tasks.StateFailed || o.Code != dypls.CodeInvalidPayload || o.Class != dypls.Rejected || o.Calls != 0 {
			t.Errorf("%s is %s %s after %d calls: %s", id, o.State, o.Code, o.Calls, o.Message)
		}
		systemtest.NoNumbers(t, "the message of "+id, o.Message)
	}
	if n := len(s.Simulator.Ledger()); n != 0 {
		t.Errorf("%d calls", n)
	}
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(2, ""), "--wait", "20s")
	systemtest.NoNumbers(t, "the worker's log", w.Text())
	t.Logf("%d poisoned records failed without a call", len(ids))
}

// TestPayloadsOverRecords: asynq delivers, under the name of a task that is recorded, what is no
// payload of it. (What comes without a record is in TestStrangePayloads.)
//
// Invariants: a task that is queued is told that it cannot be delivered; one that has been
// performed, or is being, keeps its own outcome; a newer payload waits for a newer worker, and its
// task with it; a payload of another task performs that one, once, and both get their outcome.
func TestPayloadsOverRecords(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Do: dyplstest.Slow, Delay: 3 * time.Second, Performed: true, Match: map[string]string{"OutId": "calling"}},
	}})
	inspector := asynq.NewInspectorFromRedisClient(s.Redis.Client(t))
	payloads := map[string]string{
		"no-payload": "", "garbage": "\x00\xff 13900000001", "an-id-of-nobody": `{"v":1,"id":"a b"}`, "no-version": `{"id":"no-version"}`,
		"newer": `{"v":2,"id":{"shard":7}}`, "other": `{"v":1,"id":"other"}`,
	}
	wanted := map[string]tasks.State{
		"no-payload": tasks.StateFailed, "garbage": tasks.StateFailed, "an-id-of-nobody": tasks.StateFailed, "no-version": tasks.StateFailed,
		"other": tasks.StateSucceeded, "done": tasks.StateSucceeded, "calling": tasks.StateSucceeded,
	}
	// it takes half a minute until a task without a delivery is looked at
	if systemtest.WholeFaults() {
		payloads["swapped"], wanted["swapped"] = `{"v":1,"id":"other"}`, tasks.StateSucceeded
	}
	lines := ""
	for id := range payloads {
		lines += systemtest.Bind(len(lines), fmt.Sprintf(`,"TaskID":%q`, id)) + "\n"
	}
	s.EnqueueBatch(t, "BindAxn", lines, "--in", "3s") // until then asynq lets them be changed
	for id, payload := range payloads {
		if err := inspector.UpdateTaskPayload("bind", id+".1", []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	w := s.Worker(t)
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(98, ""), "--id", "done", "--wait", "20s")
	deliver(t, s, "done.2", []byte("garbage"))
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(99, ""), "--id", "calling")
	redistest.Poll(t, systemtest.StartWithin, "the call to be out", s.IsOut("calling"))
	deliver(t, s, "calling.2", nil)

	var ids []string
	for id := range wanted {
		ids = append(ids, id)
	}
	for id, o := range s.Told(t, ids, time.Minute) {
		calls := 1
		if wanted[id] == tasks.StateFailed {
			calls = 0
		}
		if o.State != wanted[id] || o.Calls != calls || len(s.Performed(id)) != calls || calls == 0 && o.Code != dypls.CodeInvalidPayload {
			t.Errorf("%s is %s %s after %d calls, performed %d times", id, o.State, o.Code, o.Calls, len(s.Performed(id)))
		}
	}
	for _, taskID := range []string{"no-payload.1", "garbage.1", "an-id-of-nobody.1", "no-version.1", "done.2", "calling.2"} {
		isInState(t, s, taskID, asynq.TaskStateArchived)
	}
	isInState(t, s, "newer.1", asynq.TaskStateRetry)
	if o := s.Outcome(t, "newer", "1ms"); o.State != tasks.StatePending || o.Calls != 0 {
		t.Errorf("newer is %s after %d calls", o.State, o.Calls)
	}
	if o := s.Outcome(t, "done", "1ms"); o.State != tasks.StateSucceeded {
		t.Errorf("performed, and then delivered as garbage, it is %s", o.State)
	}
	systemtest.NoNumbers(t, "the worker's log", w.Text())
	t.Logf("%d payloads over records: %d told, %d took effect", len(payloads)+2, len(ids), s.AllPerformed())
}
