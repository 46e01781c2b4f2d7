package crash

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// moment says where a [gate] stands: before a request reaches Redis, or after it was performed and
// before its reply arrives.
type moment string

const (
	beforeRequest moment = "before the request"
	beforeReply   moment = "before the reply"
)

// faultProxy stands between a process and its Redis, and keeps what a test tells it to keep from
// going through. What is kept when the test ends never arrives; what is let go arrives late, as
// packets may, though nobody waits for it any longer.
type faultProxy struct {
	upstream *redistest.Server
	listener net.Listener
	ours     map[string]step // by SHA1
	closed   chan struct{}

	mu    sync.Mutex
	gates []*gate
	conns []net.Conn
}

// gate keeps one step of one task from going through, however often it is tried.
type gate struct {
	when moment
	step step
	task string

	reached, opened, passed chan struct{} // closed
	reach, open, pass       func()        // close them
}

func startFaultProxy(t *testing.T, upstream *redistest.Server) *faultProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &faultProxy{upstream: upstream, listener: listener, closed: make(chan struct{}), ours: map[string]step{
		scriptSHA(t, stepBegin): stepBegin, scriptSHA(t, stepFinish): stepFinish, scriptSHA(t, stepReseal): stepReseal,
	}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		close(p.closed)
		_ = listener.Close()
		p.mu.Lock()
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
		serving.Wait()
	})
	return p
}

// through is an environment whose Redis is behind the proxy.
func (p *faultProxy) through(env []string) []string {
	return append(append([]string{}, env...), p.upstream.EnvBehind(p.listener.Addr().String())...)
}

// hold sets up a gate.
func (p *faultProxy) hold(when moment, s step, task string) *gate {
	g := &gate{when: when, step: s, task: task, reached: make(chan struct{}), opened: make(chan struct{}), passed: make(chan struct{})}
	closes := func(c chan struct{}) func() { return sync.OnceFunc(func() { close(c) }) }
	g.reach, g.open, g.pass = closes(g.reached), closes(g.opened), closes(g.passed)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gates = append(p.gates, g)
	return g
}

// await waits until the gate keeps something.
func (g *gate) await(t *testing.T) { t.Helper(); g.wait(t, g.reached, "is reached") }

// release opens the gate, and waits until what it kept is on its way.
func (g *gate) release(t *testing.T) {
	t.Helper()
	g.open()
	g.wait(t, g.passed, "is passed")
}

func (g *gate) wait(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(systemtest.StartWithin):
		t.Fatalf("the gate %s of %s for %s: waited %s until it %s", g.when, g.step, g.task, systemtest.StartWithin, what)
	}
}

// gateFor finds the gate that a request or its reply, whose strings are given, has to pass.
func (p *faultProxy) gateFor(when moment, c command, reply []string) *gate {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.gates {
		if g.when == when && g.step == c.step && (slices.Contains(c.tasks, g.task) || c.step == stepDequeue && holdsTask(reply, g.task)) {
			return g
		}
	}
	return nil
}

// holdsTask tells whether a reply brings asynq's message of a task.
func holdsTask(reply []string, task string) bool {
	return len(reply) == 1 && strings.Contains(reply[0], strconv.Quote(task))
}

// halt waits at a gate, if there is one. It reports false when the test is over.
func (p *faultProxy) halt(g *gate) bool {
	if g == nil {
		return true
	}
	g.reach()
	select {
	case <-g.opened:
		return true
	case <-p.closed:
		return false
	}
}

func (p *faultProxy) serve(client net.Conn) {
	server, err := p.upstream.Dial()
	if err != nil {
		_ = client.Close()
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, client, server)
	p.mu.Unlock()
	const most = 10_000 // commands of one pipeline
	asked := make(chan command, most)
	var both sync.WaitGroup
	both.Go(func() {
		defer close(asked)
		p.requests(bufio.NewReader(client), server, asked)
		_ = server.Close()
	})
	both.Go(func() {
		p.replies(bufio.NewReader(server), client, asked)
		_ = client.Close()
	})
	both.Wait()
}

func (p *faultProxy) requests(from *bufio.Reader, to io.Writer, asked chan<- command) {
	for {
		var raw bytes.Buffer
		args, err := readValue(from, &raw)
		if err != nil {
			return
		}
		c := p.commandOf(args)
		g := p.gateFor(beforeRequest, c, nil)
		if !p.halt(g) {
			return
		}
		if !c.pushed {
			asked <- c
		}
		if _, err := to.Write(raw.Bytes()); err != nil {
			return
		}
		if g != nil {
			g.pass()
		}
	}
}

func (p *faultProxy) replies(from *bufio.Reader, to io.Writer, asked <-chan command) {
	for {
		var raw bytes.Buffer
		reply, err := readValue(from, &raw)
		if err != nil {
			return
		}
		var g *gate
		if kind := raw.Bytes()[0]; kind != '>' {
			c, more := <-asked
			if !more {
				return
			}
			if kind != '-' { // NOSCRIPT above all: it has not been performed
				g = p.gateFor(beforeReply, c, reply)
			}
		}
		if !p.halt(g) {
			return
		}
		if _, err := to.Write(raw.Bytes()); err != nil {
			return
		}
		if g != nil {
			g.pass()
		}
	}
}
