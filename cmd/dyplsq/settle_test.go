package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestResolve: what nobody can know but a person is settled by one, once.
func TestResolve(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Do: dyplstest.DropAfter, Times: 3}}})
	s.Worker(t)
	for _, id := range []string{"known", "not-done", "again"} {
		s.Enqueue(t, statusFailed, "BindAxn", systemtest.Bind(1, ""), "--id", id, "--wait", "20s")
	}
	bound := s.Performed("known")[0]
	result := fmt.Sprintf(`{"SubsId":%q,"SecretNo":%q}`, bound.SubsID, string(bound.SecretNo))
	for _, args := range [][]string{
		{"known"}, {"known", "--succeeded", "{}"}, {"known", "--succeeded", "no JSON"}, {"known", "--failed", "--retry"}, {"nobody", "--failed"},
	} {
		if r := systemtest.Run(t, s.Env, "", append([]string{"resolve"}, args...)...); r.Status != statusUsage || r.Errors == "" {
			t.Errorf("resolve %s: exit status %d, %s", args, r.Status, r.Errors)
		}
	}
	if r := systemtest.Run(t, s.Env, "", "resolve", "known", "--succeeded", result); r.Status != statusOK {
		t.Errorf("resolve: exit status %d: %s", r.Status, r.Errors)
	}
	if o := s.Outcome(t, "known", "1ms"); o.State != tasks.StateSucceeded || !strings.Contains(string(o.Result), bound.SubsID) {
		t.Errorf("settled as succeeded it is %s: %s", o.State, o.Result)
	}
	if r := systemtest.Run(t, s.Env, "", "resolve", "known", "--failed"); r.Status != statusUsage {
		t.Errorf("settled a second time: exit status %d", r.Status)
	}
	if r := systemtest.Run(t, s.Env, "", "resolve", "not-done", "--failed"); r.Status != statusFailed {
		t.Errorf("resolve --failed: exit status %d: %s", r.Status, r.Errors)
	}
	if o := s.Outcome(t, "not-done", "1ms"); o.State != tasks.StateFailed {
		t.Errorf("settled as failed it is %s", o.State)
	}
	if r := systemtest.Run(t, s.Env, "", "resolve", "again", "--retry"); r.Status != statusOK || !strings.Contains(r.Errors, "second number") {
		t.Errorf("resolve --retry: exit status %d: %s", r.Status, r.Errors)
	}
	if o := s.Outcome(t, "again", "20s"); o.State != tasks.StateSucceeded || o.Calls != 2 {
		t.Errorf("let run again it is %s after %d calls", o.State, o.Calls)
	}
	if n := len(s.Performed("again")); n != 2 {
		t.Errorf("it was performed %d times; the first answer was lost, so 2 is the price of a retry", n)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "later", "--in", "1s")
	for range 2 {
		if r := systemtest.Run(t, s.Env, "", "cancel", "later"); r.Status != statusOK {
			t.Errorf("cancel: exit status %d: %s", r.Status, r.Errors)
		}
	}
	s.Worker(t)
	// by then the other's time has come
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(2, ""), "--id", "done", "--in", "2s", "--wait", "20s")
	if o := s.Outcome(t, "later", "1ms"); o.State != tasks.StateFailed || o.Code != dypls.CodeCanceled || len(s.Performed("later")) != 0 {
		t.Errorf("withdrawn it is %s %s, performed %d times", o.State, o.Code, len(s.Performed("later")))
	}
	if r := systemtest.Run(t, s.Env, "", "cancel", "done"); r.Status != statusFailed || !strings.Contains(r.Errors, "too late") {
		t.Errorf("cancel of a finished task: exit status %d: %s", r.Status, r.Errors)
	}
	if r := systemtest.Run(t, s.Env, "", "cancel", "nobody"); r.Status != statusUsage {
		t.Errorf("cancel of an unknown task: exit status %d: %s", r.Status, r.Errors)
	}
}

// TestUnbindByTask: an unbind names the bind's task, and says so when there is none.
func TestUnbindByTask(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	s.Worker(t)
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "order-1")
	s.Enqueue(t, statusOK, "UnbindSubscription", `{"BindTaskID":"order-1"}`, "--wait", "20s")
	if left := s.Simulator.Bindings(); len(left) != 0 {
		t.Errorf("%d bindings are left", len(left))
	}
	for input, says := range map[string]string{
		`{"BindTaskID":"nobody"}`:               "must name a task that is recorded",
		`{"BindTaskID":""}`:                     "must be the id of a task",
		`{"BindTaskID":"order-1","SubsId":"1"}`: "stands in place",
	} {
		if r := systemtest.Run(t, s.Env, "", "enqueue", "UnbindSubscription", input); r.Status != statusUsage || !strings.Contains(r.Errors, says) {
			t.Errorf("%s: exit status %d: %s", input, r.Status, r.Errors)
		}
	}
	if r := systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", `{"BindTaskID":"order-1"}`); r.Status != statusUsage {
		t.Errorf("a bind that names a bind: exit status %d: %s", r.Status, r.Errors)
	}
}
