package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// queuesShown runs dyplsq queues, and returns how each one stands.
func queuesShown(t *testing.T, s *systemtest.System) map[string]tasks.QueueStats {
	t.Helper()
	r := systemtest.Run(t, s.Env, "", "queues")
	queues := map[string]tasks.QueueStats{}
	for line := range systemtest.Lines(r.Out) {
		var q tasks.QueueStats
		if err := json.Unmarshal([]byte(line), &q); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		queues[q.Queue] = q
	}
	if r.Status != statusOK || len(queues) != len(dispatch.Queues()) {
		t.Errorf("queues: exit status %d, %d queues: %s", r.Status, len(queues), r.Errors)
	}
	return queues
}

// TestQueues: what is paused is not performed by a worker that runs, until it is resumed.
func TestQueues(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Match: map[string]string{"PhoneNoA": "13900000009"}, Code: "isv.ILLEGAL_ARGUMENT"}}})
	s.Worker(t)
	today := time.Now().UTC().Day() // whose deliveries are counted
	for range 2 {
		if r := systemtest.Run(t, s.Env, "", "pause", "bind", "update"); r.Status != statusOK || !strings.Contains(r.Errors, "update is paused") {
			t.Errorf("pause: exit status %d: %s", r.Status, r.Errors)
		}
	}
	s.Enqueue(t, statusPending, "BindAxn", systemtest.Bind(1, ""), "--id", "held-up", "--wait", "2s")
	explains(t, s, "held-up", "its queue is paused", "dyplsq resume bind")
	queues := queuesShown(t, s)
	if q := queues["bind"]; !q.Paused || q.Pending != 1 || q.LatencyMS == 0 || queues["unbind"].Paused || !queues["update"].Paused {
		t.Errorf("%+v", queues)
	}
	if r := systemtest.Run(t, s.Env, "", "resume", "bind"); r.Status != statusOK {
		t.Errorf("resume: exit status %d: %s", r.Status, r.Errors)
	}
	if o := s.Outcome(t, "held-up", "20s"); o.State != tasks.StateSucceeded {
		t.Errorf("it is %s", o.State)
	}
	s.Enqueue(t, statusFailed, "BindAxn", systemtest.Bind(9, ""), "--wait", "20s")
	becomesArchived(t, s)
	if q := queuesShown(t, s)["bind"]; q.Paused || q.Pending != 0 || q.Archived != 1 || time.Now().UTC().Day() == today && (q.Processed != 2 || q.Failed != 1) {
		t.Errorf("%+v", q)
	}
	for _, args := range [][]string{{"pause"}, {"pause", "nope"}, {"resume", "bind", "default"}} {
		if r := systemtest.Run(t, s.Env, "", args...); r.Status != statusUsage {
			t.Errorf("%s: exit status %d: %s", args, r.Status, r.Errors)
		}
	}
	var table strings.Builder
	if err := queueTable(&table, []tasks.QueueStats{{Queue: "bind", Paused: true, LatencyMS: 1500}}); err != nil || !strings.Contains(table.String(), "1.5s") {
		t.Errorf("%v:\n%s", err, table.String())
	}
	s.Redis.Kill()
	for _, command := range [][]string{{"queues"}, {"pause", "bind"}, {"resume", "bind"}, {"explain", "held-up"}, {"doctor"}} {
		if r := systemtest.Run(t, s.Env, "", command...); r.Status != statusUnreachable {
			t.Errorf("%s without Redis: exit status %d: %s", command, r.Status, r.Errors)
		}
	}
}
