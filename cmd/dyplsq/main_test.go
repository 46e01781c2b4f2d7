package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// asDyplsq makes this test binary behave as dyplsq itself, so that tests run real processes of the code under test.
const asDyplsq = "DYPLSQ_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(asDyplsq) != "" {
		ctx, stop := signals()
		status := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
		stop()
		os.Exit(status)
	}
	logging.Disable() // a Redis that is away is told of many times a second
	os.Exit(redistest.Run(m))
}

// cleanEnv is the environment without anything that dyplsq or Alibaba's libraries read.
func cleanEnv(extra ...string) []string {
	var env []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "DYPLSQ_") || strings.HasPrefix(name, "ALIBABA_CLOUD_") || strings.HasPrefix(name, "REDIS_") {
			continue
		}
		env = append(env, entry)
	}
	return append(append(env, asDyplsq+"=1", "ALIBABA_CLOUD_ECS_METADATA_DISABLED=true"), extra...)
}

// result is a command that has ended.
type result struct {
	status      int
	out, errors string
}

// dyplsq runs a command to its end.
func dyplsq(t *testing.T, env []string, stdin string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatalf("run dyplsq %s: %v", args, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// process is a command that stays up.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}

	mu  sync.Mutex
	log bytes.Buffer
}

// start starts a command that the test ends, at the latest, when it ends itself.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	return startProgram(t, os.Args[0], env, args...)
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// wrote waits, for use with redistest.Poll, until the process has written a text.
func (p *process) wrote(text string) func(context.Context) error {
	return func(context.Context) error {
		if !strings.Contains(p.text(), text) {
			return fmt.Errorf("not yet written: %q", text)
		}
		return nil
	}
}

// terminate asks the process to end, and returns its exit status.
func (p *process) terminate(t *testing.T, sig syscall.Signal) int {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(40 * time.Second):
		t.Fatalf("did not end after %s", sig)
	}
	return p.cmd.ProcessState.ExitCode()
}

func tail(text string) string {
	const most = 4000
	if len(text) > most {
		return "..." + text[len(text)-most:]
	}
	return text
}
