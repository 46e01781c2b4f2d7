package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestList: tasks are found by what came of them, in a table and as JSON Lines, in pages, and no
// number shows.
func TestList(t *testing.T) {
	t.Parallel()
	const code = "isv.NO_AVAILABLE_NUMBER"
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Match: map[string]string{"PhoneNoA": "13900000002"}, Code: code},
		{Match: map[string]string{"PhoneNoA": "13900000004"}, Do: dyplstest.DropAfter, Times: 1},
	}})
	s.Worker(t)
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "bound", "--wait", "20s")
	s.Enqueue(t, statusFailed, "BindAxn", systemtest.Bind(2, ""), "--id", "failed", "--wait", "20s")
	s.Enqueue(t, statusFailed, "BindAxn", systemtest.Bind(4, ""), "--id", "lost", "--wait", "20s")
	for n := range 3 {
		s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(10+n, ""), "--id", fmt.Sprint("later-", n), "--in", "1h")
	}
	list := func(args ...string) systemtest.Result {
		t.Helper()
		r := systemtest.Run(t, s.Env, "", append([]string{"list"}, args...)...)
		if r.Status != statusOK {
			t.Fatalf("list %q: exit status %d: %s", args, r.Status, r.Errors)
		}
		systemtest.NoNumbers(t, fmt.Sprintf("list %q", args), r.Out+r.Errors)
		return r
	}
	for want, args := range map[string][]string{
		"failed":                  {"--state", "failed", "--code", code, "--since", "2h", "--action", "BindAxn"},
		"failed lost":             {"--state", "failed", "--state", "uncertain"},
		"later-0 later-1 later-2": {"--state", "pending", "--account", "default"},
		"":                        {"--state", "failed", "--code", "isv.NONE"},
	} {
		if got := strings.Join(listedIDs(t, list(append(args, "--json")...).Out), " "); got != want {
			t.Errorf("list %q has %q, want %q", args, got, want)
		}
	}
	table := list("--state", "failed", "--state", "succeeded").Out
	for _, says := range []string{"TASK", "FINISHED", "failed  BindAxn  failed     " + code, "bound   BindAxn  succeeded  OK"} {
		if !strings.Contains(table, says) {
			t.Errorf("the table does not say %q:\n%s", says, table)
		}
	}
	counts := list("--count", "--state", "failed", "--state", "pending").Out
	for _, says := range []string{"queued  3", "failed  1", code + "  1", "BindAxn  4", "default  4", "TOTAL  4"} {
		if !strings.Contains(strings.Join(strings.Fields(counts), "  "), says) {
			t.Errorf("the counts do not say %q:\n%s", says, counts)
		}
	}
	if text := list("--count", "--json", "--code", code).Out; !strings.Contains(text, `"tasks":1,"states":{"failed":1}`) {
		t.Errorf("counted as %s", text)
	}
	first := list("--limit", "4", "--json")
	_, cursor, more := strings.Cut(strings.TrimSpace(first.Errors), "--cursor ")
	if !more {
		t.Fatalf("nothing tells that others follow: %q", first.Errors)
	}
	rest := list("--cursor", cursor, "--json")
	all := append(listedIDs(t, first.Out), listedIDs(t, rest.Out)...)
	slices.Sort(all)
	if got := strings.Join(all, " "); got != "bound failed later-0 later-1 later-2 lost" || rest.Errors != "" {
		t.Errorf("in two pages: %q, %q", got, rest.Errors)
	}
}

func listedIDs(t *testing.T, lines string) (ids []string) {
	t.Helper()
	for line := range systemtest.Lines(lines) {
		var v tasks.View
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		ids = append(ids, v.ID)
	}
	slices.Sort(ids)
	return ids
}
