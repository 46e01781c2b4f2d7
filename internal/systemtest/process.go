package systemtest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// Process is a program that stays up until it is told to end, or its test ends.
type Process struct {
	Cmd  *exec.Cmd
	Done chan struct{} // closed when it has ended

	mu  sync.Mutex
	log bytes.Buffer
}

// Start starts a command of dyplsq that the test ends, at the latest, when it ends itself.
func Start(t *testing.T, env []string, args ...string) *Process {
	t.Helper()
	return StartProgram(t, Program(t), env, args...)
}

// StartProgram starts a program that the test ends, at the latest, when it ends itself.
func StartProgram(t *testing.T, program string, env []string, args ...string) *Process {
	t.Helper()
	p := &Process{Cmd: exec.Command(program, args...), Done: make(chan struct{})}
	p.Cmd.Env = env
	stderr, err := p.Cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.Done)
		reader := bufio.NewReader(stderr)
		for {
			text, err := reader.ReadString('\n')
			p.mu.Lock()
			p.log.WriteString(text)
			p.mu.Unlock()
			if err != nil {
				_ = p.Cmd.Wait()
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = p.Cmd.Process.Kill()
		<-p.Done
		if t.Failed() {
			t.Logf("%s wrote:\n%s", p.Cmd, Tail(p.Text()))
		}
	})
	return p
}

// Text is what the process has written to standard error.
func (p *Process) Text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// Wrote waits, for use with redistest.Poll, until the process has written a text.
func (p *Process) Wrote(text string) func(context.Context) error {
	return func(context.Context) error {
		if !strings.Contains(p.Text(), text) {
			return fmt.Errorf("not yet written: %q", text)
		}
		return nil
	}
}

// Terminate asks the process to end with a signal, waits until it has, and returns its exit status.
func (p *Process) Terminate(t *testing.T, sig syscall.Signal) int {
	t.Helper()
	p.signal(t, sig)
	select {
	case <-p.Done:
	case <-time.After(40 * time.Second):
		t.Fatalf("did not end after %s", sig)
	}
	return p.Cmd.ProcessState.ExitCode()
}

// Kill ends the process as a crash does.
func (p *Process) Kill(t *testing.T) {
	t.Helper()
	if status := p.Terminate(t, syscall.SIGKILL); status != -1 {
		t.Fatalf("exit status %d of a killed process", status)
	}
}

// Freeze stops a process, and waits until it stands still.
func (p *Process) Freeze(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGSTOP)
	stat := fmt.Sprintf("/proc/%d/stat", p.Cmd.Process.Pid)
	if _, err := os.Stat(stat); err != nil {
		return // a system that does not tell
	}
	redistest.Poll(t, StartWithin, "the process to stand still", func(context.Context) error {
		text, err := os.ReadFile(stat)
		if _, state, _ := strings.Cut(string(text), ") "); err == nil && !strings.HasPrefix(state, "T") {
			return fmt.Errorf("it is %.1s", state)
		}
		return err
	})
}

// Thaw lets a process that was frozen go on.
func (p *Process) Thaw(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGCONT)
}

func (p *Process) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.Cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// Passes waits, for use with redistest.Poll, until so long after a moment.
func Passes(d time.Duration, since time.Time) func(context.Context) error {
	return func(context.Context) error {
		if left := d - time.Since(since); left > 0 {
			return fmt.Errorf("%s left", left)
		}
		return nil
	}
}

// MaxWorkerKB is how much memory a worker may take at the most, in kB.
const MaxWorkerKB = 100 * 1024

// PeakMemory is how much memory a process has taken at the most, in kB.
func PeakMemory(t *testing.T, p *Process) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Cmd.Process.Pid))
	if err != nil {
		t.Skipf("this system does not tell a process' memory: %v", err)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	kB, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kB
}
