package systemtest

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// The exit statuses that users were promised.
const (
	StatusOK          = 0
	StatusFailed      = 1 // some failed or uncertain
	StatusUsage       = 2 // bad usage or input
	StatusUnreachable = 3 // Redis out of reach
	StatusPending     = 4 // still pending at --wait
)

// Result is a command that has ended.
type Result struct {
	Status      int
	Out, Errors string
}

// Run runs a command of dyplsq to its end.
func Run(t *testing.T, env []string, stdin string, args ...string) Result {
	t.Helper()
	return RunProgram(t, Program(t), env, stdin, args...)
}

// RunProgram runs a program to its end.
func RunProgram(t *testing.T, program string, env []string, stdin string, args ...string) Result {
	t.Helper()
	const most = 4 * time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatalf("run %s %s: %v", program, args, err)
	}
	return Result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// Output runs a program to its end, in a folder, and returns what it printed.
func Output(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit, failed := errors.AsType[*exec.ExitError](err); failed {
		t.Fatalf("%s: %v\n%s", args, err, Tail(string(exit.Stderr)))
	} else if err != nil {
		t.Fatalf("%s: %v", args, err)
	}
	return string(out)
}

// CleanEnv is the environment without anything that dyplsq or Alibaba's libraries read, and with
// what is given.
func CleanEnv(extra ...string) []string {
	var env []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "DYPLSQ_") || strings.HasPrefix(name, "ALIBABA_CLOUD_") ||
			strings.HasPrefix(name, "REDIS_") {
			continue
		}
		env = append(env, entry)
	}
	return slices.Concat(env, standIn(), []string{"ALIBABA_CLOUD_ECS_METADATA_DISABLED=true"}, extra)
}

// Tail is the end of a text that may be long.
func Tail(text string) string {
	const most = 4000
	if len(text) > most {
		return "..." + text[len(text)-most:]
	}
	return text
}

// Lines are the lines of a text that are not blank.
func Lines(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" && !yield(line) {
				return
			}
		}
	}
}
