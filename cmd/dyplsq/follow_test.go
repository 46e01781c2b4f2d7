package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestFollow: outcomes come as they are told, those of before included, until SIGTERM.
func TestFollow(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	s.Worker(t)
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "one", "--wait", "20s")

	cmd := exec.Command(os.Args[0], "follow", "--group", "billing", "--consumer", "a", "--json")
	cmd.Env, cmd.Stderr = s.Env, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	next := func(id string) {
		t.Helper()
		var o tasks.Outcome
		if !lines.Scan() || json.Unmarshal(lines.Bytes(), &o) != nil || o.ID != id || o.State != tasks.StateSucceeded || len(o.Result) == 0 {
			t.Fatalf("%q, want %s", lines.Text(), id)
		}
	}
	next("one")
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(2, ""), "--id", "two")
	next("two")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	for name, args := range map[string][]string{
		"no group":       {"follow"},
		"an empty group": {"follow", "--group", ""},
		"a future":       {"follow", "--group", "g", "--since", "-1s"},
	} {
		if r := systemtest.Run(t, s.Env, "", args...); r.Status != statusUsage {
			t.Errorf("%s: exit status %d, %s", name, r.Status, r.Errors)
		}
	}
}
