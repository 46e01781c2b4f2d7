package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestResolve: what nobody can know but a person is settled by one, once.
func TestResolve(t *testing.T) {
	t.Parallel()
	s := newSystem(t, dyplstest.Config{Faults: []dyplstest.Fault{{Do: dyplstest.DropAfter, Times: 3}}})
	s.worker(t)
	for _, id := range []string{"known", "not-done", "again"} {
		s.enqueue(t, statusFailed, "BindAxn", bind(1, ""), "--id", id, "--wait", "20s")
	}
	bound := s.performed("known")[0]
	result := fmt.Sprintf(`{"SubsId":%q,"SecretNo":%q}`, bound.SubsID, string(bound.SecretNo))
	for _, args := range [][]string{
		{"known"}, {"known", "--succeeded", "{}"}, {"known", "--succeeded", "no JSON"}, {"known", "--failed", "--retry"}, {"nobody", "--failed"},
	} {
		if r := dyplsq(t, s.env, "", append([]string{"resolve"}, args...)...); r.status != statusUsage || r.errors == "" {
			t.Errorf("resolve %s: exit status %d, %s", args, r.status, r.errors)
		}
	}
	if r := dyplsq(t, s.env, "", "resolve", "known", "--succeeded", result); r.status != statusOK {
		t.Errorf("resolve: exit status %d: %s", r.status, r.errors)
	}
	if o := s.outcome(t, "known", "1ms"); o.State != tasks.StateSucceeded || !strings.Contains(string(o.Result), bound.SubsID) {
		t.Errorf("settled as succeeded it is %s: %s", o.State, o.Result)
	}
	if r := dyplsq(t, s.env, "", "resolve", "known", "--failed"); r.status != statusUsage {
		t.Errorf("settled a second time: exit status %d", r.status)
	}
	if r := dyplsq(t, s.env, "", "resolve", "not-done", "--failed"); r.status != statusFailed {
		t.Errorf("resolve --failed: exit status %d: %s", r.status, r.errors)
	}
	if o := s.outcome(t, "not-done", "1ms"); o.State != tasks.StateFailed {
		t.Errorf("settled as failed it is %s", o.State)
	}
	if r := dyplsq(t, s.env, "", "resolve", "again", "--retry"); r.status != statusOK || !strings.Contains(r.errors, "second number") {
		t.Errorf("resolve --retry: exit status %d: %s", r.status, r.errors)
	}
	if o := s.outcome(t, "again", "20s"); o.State != tasks.StateSucceeded || o.Calls != 2 {
		t.Errorf("let run again it is %s after %d calls", o.State, o.Calls)
	}
	if n := len(s.performed("again")); n != 2 {
		t.Errorf("it was performed %d times; the first answer was lost, so 2 is the price of a retry", n)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := newSystem(t, dyplstest.Config{})
	s.enqueue(t, statusOK, "BindAxn", bind(1, ""), "--id", "later", "--in", "1s")
	for range 2 {
		if r := dyplsq(t, s.env, "", "cancel", "later"); r.status != statusOK {
			t.Errorf("cancel: exit status %d: %s", r.status, r.errors)
		}
	}
	s.worker(t)
	s.enqueue(t, statusOK, "BindAxn", bind(2, ""), "--id", "done", "--in", "2s", "--wait", "20s") // by then the other's time has come
	if o := s.outcome(t, "later", "1ms"); o.State != tasks.StateFailed || o.Code != dypls.CodeCanceled || len(s.performed("later")) != 0 {
		t.Errorf("withdrawn it is %s %s, performed %d times", o.State, o.Code, len(s.performed("later")))
	}
	if r := dyplsq(t, s.env, "", "cancel", "done"); r.status != statusFailed || !strings.Contains(r.errors, "too late") {
		t.Errorf("cancel of a finished task: exit status %d: %s", r.status, r.errors)
	}
	if r := dyplsq(t, s.env, "", "cancel", "nobody"); r.status != statusUsage {
		t.Errorf("cancel of an unknown task: exit status %d: %s", r.status, r.errors)
	}
}

// TestUnbindByTask: an unbind names the bind's task, and says so when there is none.
func TestUnbindByTask(t *testing.T) {
	t.Parallel()
	s := newSystem(t, dyplstest.Config{})
	s.worker(t)
	s.enqueue(t, statusOK, "BindAxn", bind(1, ""), "--id", "order-1")
	s.enqueue(t, statusOK, "UnbindSubscription", `{"BindTaskID":"order-1"}`, "--wait", "20s")
	if left := s.simulator.Bindings(); len(left) != 0 {
		t.Errorf("%d bindings are left", len(left))
	}
	for input, says := range map[string]string{
		`{"BindTaskID":"nobody"}`:               "must name a task that is recorded",
		`{"BindTaskID":""}`:                     "must be the id of a task",
		`{"BindTaskID":"order-1","SubsId":"1"}`: "stands in place",
	} {
		if r := dyplsq(t, s.env, "", "enqueue", "UnbindSubscription", input); r.status != statusUsage || !strings.Contains(r.errors, says) {
			t.Errorf("%s: exit status %d: %s", input, r.status, r.errors)
		}
	}
	if r := dyplsq(t, s.env, "", "enqueue", "BindAxn", `{"BindTaskID":"order-1"}`); r.status != statusUsage {
		t.Errorf("a bind that names a bind: exit status %d: %s", r.status, r.errors)
	}
}
