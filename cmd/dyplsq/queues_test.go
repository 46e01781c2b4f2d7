package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// queues runs dyplsq queues, and returns how each one stands.
func (s *system) queues(t *testing.T) map[string]tasks.QueueInfo {
	t.Helper()
	r := dyplsq(t, s.env, "", "queues")
	queues := map[string]tasks.QueueInfo{}
	for line := range splitLines(r.out) {
		var q tasks.QueueInfo
		if err := json.Unmarshal([]byte(line), &q); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		queues[q.Queue] = q
	}
	if r.status != statusOK || len(queues) != len(dispatch.Queues()) {
		t.Errorf("queues: exit status %d, %d queues: %s", r.status, len(queues), r.errors)
	}
	return queues
}

// TestQueues: what is paused is not performed by a worker that runs, until it is resumed.
func TestQueues(t *testing.T) {
	t.Parallel()
	s := newSystem(t, dyplstest.Config{Faults: []dyplstest.Fault{{Match: map[string]string{"PhoneNoA": "13900000009"}, Code: "isv.ILLEGAL_ARGUMENT"}}})
	s.worker(t)
	for range 2 {
		if r := dyplsq(t, s.env, "", "pause", "bind", "update"); r.status != statusOK || !strings.Contains(r.errors, "update is paused") {
			t.Errorf("pause: exit status %d: %s", r.status, r.errors)
		}
	}
	s.enqueue(t, statusPending, "BindAxn", bind(1, ""), "--id", "held-up", "--wait", "2s")
	s.explains(t, "held-up", "its queue is paused", "dyplsq resume bind")
	queues := s.queues(t)
	if q := queues["bind"]; !q.Paused || q.Pending != 1 || q.LatencyMS == 0 || queues["unbind"].Paused || !queues["update"].Paused {
		t.Errorf("%+v", queues)
	}
	if r := dyplsq(t, s.env, "", "resume", "bind"); r.status != statusOK {
		t.Errorf("resume: exit status %d: %s", r.status, r.errors)
	}
	if o := s.outcome(t, "held-up", "20s"); o.State != tasks.StateSucceeded {
		t.Errorf("it is %s", o.State)
	}
	s.enqueue(t, statusFailed, "BindAxn", bind(9, ""), "--wait", "20s")
	s.becomesArchived(t)
	if q := s.queues(t)["bind"]; q.Paused || q.Pending != 0 || q.Archived != 1 || q.Processed != 2 || q.Failed != 1 {
		t.Errorf("%+v", q)
	}
	for _, args := range [][]string{{"pause"}, {"pause", "nope"}, {"resume", "bind", "default"}} {
		if r := dyplsq(t, s.env, "", args...); r.status != statusUsage {
			t.Errorf("%s: exit status %d: %s", args, r.status, r.errors)
		}
	}
	var table strings.Builder
	if err := queueTable(&table, []tasks.QueueInfo{{Queue: "bind", Paused: true, LatencyMS: 1500}}); err != nil || !strings.Contains(table.String(), "1.5s") {
		t.Errorf("%v:\n%s", err, table.String())
	}
	s.redis.Kill()
	for _, command := range [][]string{{"queues"}, {"pause", "bind"}, {"resume", "bind"}, {"explain", "held-up"}, {"doctor"}} {
		if r := dyplsq(t, s.env, "", command...); r.status != statusUnreachable {
			t.Errorf("%s without Redis: exit status %d: %s", command, r.status, r.errors)
		}
	}
}
