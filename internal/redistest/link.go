package redistest

import (
	"context"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Link is a network between a client and a server, which can be cut: then nothing arrives any more
// in either direction, nobody is told so, and who connects gets no answer.
type Link struct {
	Addr string // the server's, for who is behind the link

	listener *net.TCPListener
	server   string
	ended    chan struct{}
	serving  sync.WaitGroup

	mu      sync.Mutex
	whole   chan struct{} // closed, unless the link is cut
	open    map[net.Conn]bool
	knocked []net.Conn // what fills the queue of those who connect
}

// StartLink starts one that ends with the test.
func StartLink(tb testing.TB, server *Server) *Link {
	tb.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	l := &Link{
		Addr: listener.Addr().
			String(),
		listener: listener,
		server:   server.Addr,
		ended:    make(chan struct{}),
		whole:    make(chan struct{}),
		open:     map[net.Conn]bool{},
	}
	close(l.whole)
	l.serving.Go(l.accept)
	tb.Cleanup(func() {
		close(l.ended)
		_ = listener.Close()
		l.closeAll()
		l.serving.Wait()
	})
	return l
}

// Cut cuts the link.
func (l *Link) Cut(tb testing.TB) {
	tb.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.whole = make(chan struct{})
	// A system answers those who connect as long as there is room for them, whoever accepts them or
	// not.
	l.room(tb, 0)
	const tries, enough, within = 20, 3, 300 * time.Millisecond
	unanswered := 0
	for range tries {
		conn, err := net.DialTimeout("tcp", l.Addr, within)
		if err == nil {
			l.knocked, unanswered = append(l.knocked, conn), 0
			continue
		}
		if unanswered++; unanswered == enough {
			return
		}
	}
	tb.Fatal("who connects to a link that is cut is answered all the same")
}

// Heal ends a cut. What was under way arrives late, as TCP sees to it; or, where the connections
// are forgotten, as by a firewall that was started anew, each is reset and nothing arrives.
func (l *Link) Heal(tb testing.TB, forgotten bool) {
	tb.Helper()
	if forgotten {
		l.closeAll()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.room(tb, syscall.SOMAXCONN)
	for _, conn := range l.knocked {
		_ = conn.Close()
	}
	l.knocked = nil
	close(l.whole)
}

// room sets how many may wait to be accepted.
func (l *Link) room(tb testing.TB, n int) {
	tb.Helper()
	raw, err := l.listener.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { _ = syscall.Listen(int(fd), n) })
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func (l *Link) closeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for conn := range l.open {
		if tcp, is := conn.(*net.TCPConn); is {
			_ = tcp.SetLinger(0) // a reset
		}
		_ = conn.Close()
	}
	for _, conn := range l.knocked {
		_ = conn.Close()
	}
}

func (l *Link) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.keep(client)
		if !l.pass() {
			return
		}
		l.serving.Go(func() { l.serve(client) })
	}
}

func (l *Link) keep(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[conn] = true
}

func (l *Link) forget(conn net.Conn) {
	_ = conn.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, conn)
}

// pass waits until the link is whole. It reports false when the test is over.
func (l *Link) pass() bool {
	l.mu.Lock()
	whole := l.whole
	l.mu.Unlock()
	select {
	case <-whole:
		return true
	case <-l.ended:
		return false
	}
}

func (l *Link) serve(client net.Conn) {
	defer l.forget(client)
	server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", l.server)
	if err != nil {
		return
	}
	l.keep(server)
	defer l.forget(server)
	var back sync.WaitGroup
	back.Go(func() {
		l.carry(client, server)
		_ = client.Close()
	})
	l.carry(server, client)
	_ = server.Close()
	back.Wait()
}

// carry hands on what comes, and that no more comes.
func (l *Link) carry(to, from net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, readErr := from.Read(buffer)
		if !l.pass() {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil || readErr != nil {
			return
		}
	}
}
