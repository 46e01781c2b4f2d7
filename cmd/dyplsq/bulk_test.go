package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestBulk: many tasks are tried again, canceled and settled by a filter: it is said first how
// many, nothing is changed where nobody agreed, and each is told in the audit.
func TestBulk(t *testing.T) {
	t.Parallel()
	const code = "isv.NO_AVAILABLE_NUMBER"
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Match: map[string]string{"PhoneNoA": "13900000002"}, Code: code, Times: 3},
		{Match: map[string]string{"PhoneNoA": "13900000004"}, Do: dyplstest.DropAfter, Times: 2},
	}})
	s.Worker(t)
	for n := range 3 {
		s.Enqueue(t, statusFailed, "BindAxn", systemtest.Bind(2, ""), "--id", fmt.Sprint("failed-", n), "--wait", "20s")
		s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(10+n, ""), "--id", fmt.Sprint("later-", n), "--in", "1h")
	}
	for _, id := range []string{"lost-0", "lost-1"} {
		s.Enqueue(t, statusFailed, "BindAxn", systemtest.Bind(4, ""), "--id", id, "--wait", "20s")
	}
	const reason = "--reason=the pool is full again"
	for name, test := range map[string]struct {
		args   string
		status int
		says   string
	}{
		"of nothing":                     {"retry", statusUsage, "an id, or --filter"},
		"an id and a filter":             {"cancel x --filter state=pending", statusUsage, "an id, or --filter"},
		"nobody to ask":                  {"retry --filter state=failed,code=" + code, statusUsage, "3 tasks: 3 failed; 3 " + code + "; 3 BindAxn"},
		"what does not go with an id":    {"cancel later-0 --yes", statusUsage, "go with --filter"},
		"a filter that is none":          {"cancel --filter phone=13900000002 --yes", statusUsage, "state, code, action, account and since"},
		"uncertain as failed":            {"retry --filter state=uncertain --yes", statusUsage, "may bind twice"},
		"settled by a retry":             {"resolve --filter state=uncertain --retry --yes", statusUsage, "--may-bind-twice"},
		"settled as succeeded":           {"resolve --filter state=uncertain --succeeded {} --yes", statusUsage, "another result"},
		"settled as nothing":             {"resolve --filter state=uncertain --yes", statusUsage, "--failed or --retry"},
		"one uncertain, as if it failed": {"retry lost-0", statusUsage, "has not failed"},
		"nothing meets it":               {"cancel --filter code=isv.NONE --yes", statusOK, "0 tasks"},
	} {
		r := systemtest.Run(t, s.Env, "", append(strings.Fields(test.args), reason)...)
		if r.Status != test.status || !strings.Contains(r.Errors, test.says) {
			t.Errorf("%s: exit status %d, want %d, and %q: %s", name, r.Status, test.status, test.says, r.Errors)
		}
		systemtest.NoNumbers(t, name, r.Out+r.Errors)
	}
	if r := systemtest.Run(t, s.Env, "", "cancel", "--filter", "state=pending", "--yes"); r.Status != statusUsage || !strings.Contains(r.Errors, "--reason") {
		t.Errorf("without a reason: exit status %d: %s", r.Status, r.Errors)
	}
	if lines := auditOfSystem(t, s); len(lines) != 2 { // of the one, and that it came to nothing
		t.Errorf("what changed nothing stands in the audit: %+v", lines)
	}
	do := func(says string, args ...string) {
		t.Helper()
		r := systemtest.Run(t, s.Env, "", append(args, reason, "--yes")...)
		if r.Status != statusOK || !strings.Contains(r.Out, says) {
			t.Errorf("%q: exit status %d, want 0, and %q: %s%s", args, r.Status, says, r.Out, r.Errors)
		}
	}
	do("3 of 3 done", "retry", "--filter", "state=failed,code="+code+",since=2h")
	do(`"done":3`, "cancel", "--filter", "state=pending,account=default", "--json")
	for n := range 3 {
		if o := s.Outcome(t, fmt.Sprint("failed-", n), "20s"); o.State != tasks.StateSucceeded || o.Calls != 2 {
			t.Errorf("tried again it is %s after %d calls", o.State, o.Calls)
		}
		if o := s.Outcome(t, fmt.Sprint("later-", n), "1ms"); o.State != tasks.StateFailed {
			t.Errorf("canceled it is %s", o.State)
		}
	}
	do("2 of 2 done", "retry", "--filter", "state=uncertain", "--may-bind-twice")
	for _, id := range []string{"lost-0", "lost-1"} {
		if o := s.Outcome(t, id, "20s"); o.State != tasks.StateSucceeded || len(s.Performed(id)) != 2 {
			t.Errorf("called again %s is %s, bound %d times", id, o.State, len(s.Performed(id)))
		}
	}
	if lines := auditOfSystem(t, s, "--target", "failed-1"); len(lines) != 1 || lines[0].Action != audit.Retry || lines[0].Reason != "the pool is full again" {
		t.Errorf("%+v", lines)
	}
	if lines := auditOfSystem(t, s, "--action", audit.BulkCancel); len(lines) != 2 || lines[1].Detail["done"] != "3" {
		t.Errorf("%+v", lines)
	}
}
