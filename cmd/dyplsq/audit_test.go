package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// auditOfSystem reads the audit with the command, the oldest line first.
func auditOfSystem(t *testing.T, s *systemtest.System, args ...string) (lines []audit.Entry) {
	t.Helper()
	r := systemtest.Run(t, s.Env, "", append([]string{"audit", "--json"}, args...)...)
	if r.Status != statusOK {
		t.Fatalf("audit %q: exit status %d: %s", args, r.Status, r.Errors)
	}
	systemtest.NoNumbers(t, "the audit", r.Out+r.Errors)
	for line := range systemtest.Lines(r.Out) {
		var e audit.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		lines = append(lines, e)
	}
	slices.Reverse(lines)
	return lines
}

// shownLine is what a test compares: a second line begins with an arrow.
func shownLine(e audit.Entry) string {
	text := strings.Join([]string{e.By, e.Via, e.Action, e.Target}, " ")
	if result, second := e.Detail[audit.Result]; second {
		text = "-> " + e.Action + " " + e.Target + ": " + result
	}
	if e.Reason != "" {
		text += " because " + e.Reason
	}
	return text
}

// TestAudit: every command that changes something writes who did it, and why; what came to nothing
// says so; no number shows.
func TestAudit(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Do: dyplstest.DropAfter, Times: 1}}})
	s.Worker(t)
	s.Enqueue(t, statusFailed, "BindAxn", systemtest.Bind(1, ""), "--id", "lost", "--wait", "20s")
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(2, ""), "--id", "later", "--in", "1h")
	folder := t.TempDir()
	numbers, endpoints := filepath.Join(folder, "numbers"), filepath.Join(folder, "callbacks")
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(numbers, "17000000001\n17000000002\n")
	write(endpoints, `{"endpoints":[{"name":"crm","url":"https://crm.example.com/hook","secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}]}`)
	for _, run := range []struct {
		status int
		args   string
	}{
		{statusOK, "cancel later --reason called-13800000009"},
		{statusFailed, "cancel lost"},
		{statusUsage, "resolve nobody --failed"},
		{statusFailed, "resolve lost --failed --reason checked"},
		{statusOK, "pause bind unbind"},
		{statusOK, "resume bind"},
		{statusUsage, "pause nowhere"},
		{statusOK, "numbers import FC100000000001 " + numbers},
		{statusOK, "numbers readmit FC100000000001 " + numbers},
		{statusOK, "numbers release FC100000000001 " + numbers + " --force"},
		{statusUsage, "recordings retry nothing"},
		{statusOK, "recordings retry --since 1h"},
		{statusOK, "callbacks replay crm --since 1h --callbacks " + endpoints},
		{statusUsage, "callbacks enable crm"}, // nothing was sent to it yet,
	} {
		args := append(strings.Fields(run.args), "--by", "li")
		if r := systemtest.Run(t, s.Env, "", args...); r.Status != run.status {
			t.Errorf("%q: exit status %d, want %d: %s", args, r.Status, run.status, r.Errors)
		}
	}
	_, url, token := apiServer(t, s.Env)
	auth := []string{"Authorization", "Bearer " + token, "Content-Type", "application/json"}
	systemtest.Do(t, http.MethodDelete, url+"v1/tasks/later", "", auth...)
	systemtest.Do(t, http.MethodPost, url+"v1/tasks/lost:resolve", `{"as":"failed","by":"wang"}`, auth...)

	var got []string
	for _, e := range auditOfSystem(t, s) {
		got = append(got, shownLine(e))
	}
	want := []string{
		"li cli cancel later because called-138****0009",
		"li cli cancel lost",
		"-> cancel lost: task lost: too late to cancel: it is uncertain",
		"li cli resolve nobody",
		"-> resolve nobody: task nobody: unknown task: never enqueued, or its outcome is no longer kept",
		"li cli resolve lost because checked",
		"li cli pause bind",
		"li cli pause unbind",
		"li cli resume bind",
		"li cli pause nowhere",
		"-> pause nowhere: ",
		"li cli numbers.import FC100000000001",
		"-> numbers.import FC100000000001: done",
		"li cli numbers.readmit FC100000000001",
		"-> numbers.readmit FC100000000001: done",
		"li cli numbers.release FC100000000001",
		"-> numbers.release FC100000000001: done",
		"li cli recordings.retry nothing",
		"-> recordings.retry nothing: ",
		"li cli recordings.retry all",
		"-> recordings.retry all: done",
		"li cli callbacks.replay crm",
		"-> callbacks.replay crm: done",
		"li cli callbacks.enable crm",
		"-> callbacks.enable crm: ",
		"test api cancel later",
		"wang api resolve lost",
		"-> resolve lost: task lost: the task is not uncertain: it is failed",
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b string) bool {
		return a == b || strings.HasSuffix(a, ": ") && strings.HasPrefix(b, a) || strings.HasSuffix(b, ": ") && strings.HasPrefix(a, b)
	})); diff != "" {
		t.Error(diff)
	}
	if lines := auditOfSystem(t, s, "--by", "wang", "--since", "1h"); len(lines) != 2 {
		t.Errorf("wang's: %d lines, want 2", len(lines))
	}
	if lines := auditOfSystem(t, s, "--action", "numbers.import", "--target", "FC100000000001"); len(lines) != 2 || lines[1].Detail["added"] != "2" {
		t.Errorf("of a pool: %+v", lines)
	}
	r := systemtest.Run(t, s.Env, "", "audit", "--limit", "3")
	if !strings.Contains(r.Out, "TARGET") || !strings.Contains(r.Out, "token=test") || !strings.Contains(r.Errors, "others follow: --cursor ") {
		t.Errorf("the table: %s%s", r.Out, r.Errors)
	}
}

// TestNothingWithoutTheAudit: a command that cannot write its line changes nothing, and says so.
func TestNothingWithoutTheAudit(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "later", "--in", "1h")
	if err := s.Redis.Client(t).Set(t.Context(), audit.Key, "no stream", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if r := systemtest.Run(t, s.Env, "", "cancel", "later"); r.Status == statusOK || !strings.Contains(r.Errors, audit.ErrNotWritten.Error()) {
		t.Errorf("exit status %d: %s", r.Status, r.Errors)
	}
	if o := s.Outcome(t, "later", "1ms"); o.State != "pending" {
		t.Errorf("it was changed all the same: %s", o.State)
	}
	if r := systemtest.Run(t, s.Env, "", "audit", "--cursor", "?"); r.Status != statusUsage {
		t.Errorf("exit status %d: %s", r.Status, r.Errors)
	}
}
