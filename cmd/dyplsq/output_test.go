package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// printing are commands that print, with an exit status of 0, once there is the task "told".
func printing(t *testing.T) map[string][]string {
	t.Helper()
	numbers := filepath.Join(t.TempDir(), "numbers")
	if err := os.WriteFile(numbers, []byte("17000000009\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string][]string{
		"enqueue": {"enqueue", "BindAxn", systemtest.Bind(1, ""), "--id", "told"}, "result": {"result", "told"}, "result --json": {"result", "told", "--json"},
		"explain": {"explain", "told"}, "explain --json": {"explain", "told", "--json"}, "queues": {"queues"}, "codes": {"codes"}, "codes --json": {"codes", "--json"},
		"version": {"version"}, "help": {"--help"}, "help of a command": {"worker", "--help"}, "doctor": {"doctor"}, "doctor --json": {"doctor", "--json"},
		"numbers list": {"numbers", "list"}, "calls list": {"calls", "list"}, "numbers import": {"numbers", "import", dyplstest.DefaultPoolKey, numbers},
	}
}

// lasting are settings of a Redis of which doctor says nothing worse than a warning.
var lasting = []string{"--appendonly", "yes", "--appendfsync", "always"}

// TestFullDisk: whoever prints to a full disk has failed, says so once, with what to do, and has
// done its work all the same; a message for people that cannot be written changes nothing.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer func() { _ = full.Close() }()
	s := systemtest.New(t, dyplstest.Config{}, lasting...)
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "told")
	run := func(out, errs *os.File, args []string) (int, string, string) {
		var outText, errText bytes.Buffer
		cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
		cmd.Env, cmd.Stdout, cmd.Stderr = s.Env, &outText, &errText
		if out != nil {
			cmd.Stdout = out
		}
		if errs != nil {
			cmd.Stderr = errs
		}
		_ = cmd.Run()
		return cmd.ProcessState.ExitCode(), outText.String(), errText.String()
	}
	for name, args := range printing(t) {
		status, _, errs := run(full, nil, args)
		if status != statusFailed || strings.Count(errs, "no space left on device") != 1 || !strings.Contains(errs, "make room") {
			t.Errorf("%s to a full disk: exit status %d, %s", name, status, errs)
		}
		if status, out, _ := run(nil, full, args); status != statusOK || out == "" {
			t.Errorf("%s with its messages to a full disk: exit status %d, %q", name, status, out)
		}
	}
}

// TestFollowToAFullDisk: what could not be printed is not acknowledged, and is printed to the next
// who asks.
func TestFollowToAFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer func() { _ = full.Close() }()
	s := systemtest.New(t, dyplstest.Config{})
	s.Worker(t)
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "told", "--wait", "60s")
	var errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0], "follow", "--group", "cli", "--json")
	cmd.Env, cmd.Stdout, cmd.Stderr = s.Env, full, &errs
	_ = cmd.Run()
	if status := cmd.ProcessState.ExitCode(); status != statusFailed || !strings.Contains(errs.String(), "outcomes could not be written") ||
		!strings.Contains(errs.String(), "make room") {
		t.Errorf("exit status %d, %s", status, errs.String())
	}
	if told := follow(t, s, 1); len(told) != 1 || told["told"].ID != "told" {
		t.Errorf("it is lost: %v", told)
	}
}

// TestClosedOutput: an output that is closed is one that nobody wants. What is printed to it
// reaches no file and no connection that has its number by now, and the exit status is what it is
// with the output open.
func TestClosedOutput(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("/bin/sh"); err != nil {
		t.Skip(err)
	}
	s := systemtest.New(t, dyplstest.Config{}, lasting...)
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "told")
	for name, args := range printing(t) {
		for _, closed := range []string{">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"} {
			r := systemtest.RunProgram(t, "/bin/sh", s.Env, "", append([]string{"-c", `exec "$0" "$@" ` + closed, os.Args[0]}, args...)...)
			if r.Status != statusOK || r.Errors != "" {
				t.Errorf("%s %s: exit status %d, %s", name, closed, r.Status, r.Errors)
			}
			if outOpen := closed == "2>&-"; outOpen != (r.Out != "") {
				t.Errorf("%s %s: printed %q", name, closed, systemtest.Tail(r.Out))
			}
		}
	}
	if r := systemtest.Run(t, s.Env, "", "result", "told"); r.Status != statusOK {
		t.Errorf("exit status %d, %s", r.Status, r.Errors)
	}
}

// TestWorkerWithoutALog: a worker whose log cannot be written works on, and ends as it should.
func TestWorkerWithoutALog(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	for _, to := range []string{"2>/dev/full", "2>&-"} {
		s := systemtest.New(t, dyplstest.Config{})
		w := systemtest.StartProgram(t, "/bin/sh", s.Env, "-c", `exec "$0" "$@" `+to, os.Args[0], "worker")
		if o := s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(1, ""), "--id", "k", "--wait", "60s"); o[0].State != "succeeded" {
			t.Errorf("%s: %s %s", to, o[0].State, o[0].Code)
		}
		if status := w.Terminate(t, syscall.SIGTERM); status != statusOK {
			t.Errorf("%s: exit status %d", to, status)
		}
	}
}

// TestReadOnlyFileSystem: no file system that can be written to, no home: every command works all
// the same.
func TestReadOnlyFileSystem(t *testing.T) {
	t.Parallel()
	within := readOnly(t)
	s := systemtest.New(t, dyplstest.Config{}, lasting...)
	numbers := filepath.Join(t.TempDir(), "numbers")
	if err := os.WriteFile(numbers, []byte("17000000009\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var env []string
	for _, entry := range s.Env {
		if name, _, _ := strings.Cut(entry, "="); name != "HOME" && name != "TMPDIR" && !strings.HasPrefix(name, "XDG_") {
			env = append(env, entry)
		}
	}
	serving := map[string][]string{
		"performing tasks": {"worker"}, "dashboard listening": {"dash", "--listen", "127.0.0.1:0"}, ledgerPath: {"sim", "--listen", "127.0.0.1:0"},
		"in memory": {"dev", "--listen", "127.0.0.1:0", "--serve-listen", "127.0.0.1:0"},
	}
	var processes []*systemtest.Process
	for says, args := range serving {
		p := systemtest.StartProgram(t, within[0], env, append(within[1:], args...)...)
		redistest.Poll(t, systemtest.StartWithin, args[0]+" to be up", p.Wrote(says))
		processes = append(processes, p)
	}
	for _, args := range [][]string{
		{"enqueue", "BindAxn", systemtest.Bind(1, ""), "--id", "told", "--wait", "60s"}, {"result", "told"}, {"explain", "told"}, {"doctor"},
		{"enqueue", "BindAxn", systemtest.Bind(2, ""), "--id", "later", "--in", "1h"}, {"cancel", "later"},
		{"numbers", "import", dyplstest.DefaultPoolKey, numbers}, {"numbers", "list"}, {"numbers", "release", dyplstest.DefaultPoolKey, numbers},
		{"queues"}, {"pause", "bind"}, {"resume", "bind"}, {"codes"}, {"version"}, {"demo"}, {"--help"},
	} {
		r := systemtest.RunProgram(t, within[0], env, "", append(within[1:], args...)...)
		if r.Status != statusOK {
			t.Errorf("%s: exit status %d, %s%s", args[0], r.Status, systemtest.Tail(r.Out), systemtest.Tail(r.Errors))
		}
		if args[0] == "demo" && !strings.Contains(r.Out, "no temporary folder can be written: ") {
			t.Errorf("the demo does not say that it keeps no recording: %s", r.Out)
		}
	}
	r := systemtest.RunProgram(t, within[0], env, "", append(within[1:], "resolve", "told", "--failed")...)
	if r.Status != statusUsage || !strings.Contains(r.Errors, "uncertain") {
		t.Errorf("resolve: exit status %d, %s", r.Status, r.Errors)
	}
	for _, p := range processes {
		if status := p.Terminate(t, syscall.SIGTERM); status != statusOK {
			t.Errorf("%s: exit status %d", p.Cmd.Args[len(within)-1:], status)
		}
	}
}

// readOnly is what runs dyplsq where every file system is mounted read-only.
func readOnly(t *testing.T) []string {
	t.Helper()
	const script = `mount --make-rprivate / && mount -o remount,bind,ro / && mount -t tmpfs none "$0" && mount -o remount,ro "$0" && cd "$0" &&
		export TMPDIR="$0" && if touch here 2>/dev/null; then echo "it can be written to" >&2; exit 90; fi && exec "$@"`
	within := []string{"unshare", "--mount", "/bin/sh", "-c", script, t.TempDir()}
	ctx, cancel := context.WithTimeout(t.Context(), systemtest.StartWithin)
	defer cancel()
	out, err := exec.CommandContext(ctx, within[0], append(within[1:], "true")...).CombinedOutput()
	if exit, ended := errors.AsType[*exec.ExitError](err); ended && exit.ExitCode() == 90 || os.Geteuid() == 0 && err == nil && len(out) > 0 {
		t.Fatalf("%v: %s", err, out)
	}
	if err != nil {
		t.Skipf("needs the rights to mount a read-only file system, as root has: %v: %s", err, out)
	}
	return append(within, os.Args[0])
}
