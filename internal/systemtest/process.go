package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// startProgram starts a program that the test ends, at the latest, when it ends itself.
func startProgram(t *testing.T, program string, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program, args...), done: make(chan struct{})}
	p.cmd.Env = env
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		reader := bufio.NewReader(stderr)
		for {
			text, err := reader.ReadString('\n')
			p.mu.Lock()
			p.log.WriteString(text)
			p.mu.Unlock()
			if err != nil {
				_ = p.cmd.Wait()
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("%s wrote:\n%s", p.cmd, tail(p.text()))
		}
	})
	return p
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	if status := p.terminate(t, syscall.SIGKILL); status != -1 {
		t.Fatalf("exit status %d of a killed process", status)
	}
}

// freeze stops a process, and waits until it stands still.
func (p *process) freeze(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGSTOP)
	stat := fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid)
	if _, err := os.Stat(stat); err != nil {
		return // a system that does not tell
	}
	redistest.Poll(t, startWithin, "the process to stand still", func(context.Context) error {
		text, err := os.ReadFile(stat)
		if _, state, _ := strings.Cut(string(text), ") "); err == nil && !strings.HasPrefix(state, "T") {
			return fmt.Errorf("it is %.1s", state)
		}
		return err
	})
}

func (p *process) thaw(t *testing.T) { t.Helper(); p.signal(t, syscall.SIGCONT) }

func (p *process) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// passes waits, for use with redistest.Poll, until so long after a moment.
func passes(d time.Duration, since time.Time) func(context.Context) error {
	return func(context.Context) error {
		if left := d - time.Since(since); left > 0 {
			return fmt.Errorf("%s left", left)
		}
		return nil
	}
}

// program runs a command of a binary to its end.
func program(t *testing.T, binary string, env []string, stdin string, args ...string) result {
	t.Helper()
	cmd := exec.Command(binary, args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatalf("run %s %s: %v", binary, args, err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// output runs a program to its end, in a folder, and returns what it printed.
func output(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit, failed := errors.AsType[*exec.ExitError](err); failed {
		t.Fatalf("%s: %v\n%s", args, err, tail(string(exit.Stderr)))
	} else if err != nil {
		t.Fatalf("%s: %v", args, err)
	}
	return string(out)
}
