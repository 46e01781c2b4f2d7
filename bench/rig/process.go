package rig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// killAfter is how long a process has to end by itself.
const killAfter = 10 * time.Second

// Process is a running program that ends with this one, however that ends.
type Process struct {
	cmd    *exec.Cmd
	end    syscall.Signal
	log    *os.File // what it says on standard error
	exited chan struct{}
}

// Start starts a program. End is the signal that ends it. What it says goes to a file, as a log
// does, and is gone with it.
func Start(cmd *exec.Cmd, end syscall.Signal) (*Process, error) {
	log, err := os.CreateTemp("", "bench-log-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(log.Name()); err != nil { // it lasts as long as it is open
		return nil, errors.Join(err, log.Close())
	}
	p := &Process{cmd: cmd, end: end, log: log, exited: make(chan struct{})}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = end
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", cmd.Path, err), log.Close())
	}
	go func() {
		defer close(p.exited)
		_ = cmd.Wait()
	}()
	return p, nil
}

// FreeAddress is one of loopback that nobody listens on: below those that the system gives to
// outgoing connections, and to whoever listens on any.
func FreeAddress() (addr string, err error) {
	const lowest, ports, tries = 30_000, 2_000, 100
	for range tries {
		var listener net.Listener
		listener, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(lowest+rand.IntN(ports))))
		if err == nil {
			return listener.Addr().String(), listener.Close()
		}
	}
	return "", err
}

// PID is its process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Err is nil while it runs.
func (p *Process) Err() error {
	select {
	case <-p.exited:
		return fmt.Errorf("%s has ended: %s: %s", p.cmd.Path, p.cmd.ProcessState, p.tail())
	default:
		return nil
	}
}

// Stop ends it and waits until it is gone.
func (p *Process) Stop() {
	defer func() { _ = p.log.Close() }()
	_ = p.cmd.Process.Signal(p.end)
	select {
	case <-p.exited:
	case <-time.After(killAfter):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// tail is the last that it said.
func (p *Process) tail() string {
	const length = 2000
	end, err := p.log.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	text := make([]byte, min(end, length))
	n, _ := p.log.ReadAt(text, end-int64(len(text))) // what there is
	return string(bytes.TrimSpace(text[:n]))
}
