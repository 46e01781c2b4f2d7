package redisdial

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/refusal"
)

// leaveEvery is how often connections are left.
const leaveEvery = 500 * time.Millisecond

// errLeft ends what is asked over a connection that was left, before a byte of it is sent.
var errLeft = errors.New("the connection led to a server that takes no writes, and was left")

// conn is a connection that can be left. Who uses it gets its answer; nobody uses it again.
type conn struct {
	net.Conn

	dialer *Dialer
	addr   string
	opened time.Time
	left   atomic.Bool
	begun  bool  // something was read
	last   error // for whoever reads on
}

func (d *Dialer) keep(made net.Conn, addr string) *conn {
	c := &conn{Conn: made, dialer: d, addr: addr, opened: time.Now()}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[c] = struct{}{}
	return c
}

// leave leaves the connections to a server, or all, that are open by now. It does so at once, and
// then no more than every now and then: a server that refuses for long is not dialled at every
// command.
func (d *Dialer) leave(addr string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leaving[addr] {
		return
	}
	now := time.Now()
	wait := leaveEvery - now.Sub(d.leftAt[addr])
	if wait <= 0 {
		d.leaveNow(addr, now)
		return
	}
	d.leaving[addr] = true
	time.AfterFunc(wait, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.leaving[addr] = false
		d.leaveNow(addr, now)
	})
}

// leaveNow leaves what was open at a time.
func (d *Dialer) leaveNow(addr string, then time.Time) {
	d.leftAt[addr] = time.Now()
	for c := range d.open {
		if (addr == "" || addr == c.addr) && c.opened.Before(then) {
			c.left.Store(true)
			delete(d.open, c)
		}
	}
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.dialer.mu.Lock()
	delete(c.dialer.open, c)
	c.dialer.mu.Unlock()
	return c.Conn.Close()
}

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (int, error) {
	if c.left.Load() {
		return 0, errLeft
	}
	return c.Conn.Write(p)
}

// Read implements [net.Conn]. What comes first may be the last thing, too, that the server says
// before it hangs up: it is what every further read tells.
func (c *conn) Read(p []byte) (int, error) {
	if c.last != nil {
		return 0, c.last
	}
	n, err := c.Conn.Read(p)
	if !c.begun {
		c.begun = true
		if c.last = c.lastWords(p[:n], err); c.last != nil {
			return 0, c.last
		}
	}
	return n, err
}

// lastWords is why the server hangs up, if it does.
func (c *conn) lastWords(first []byte, err error) error {
	if said, refused := refusal.OfReply(firstLine(first)); refused && hangsUp(said) {
		return said
	}
	if c.dialer.tls == nil && looksEncrypted(first, err) &&
		c.dialer.speaksOther(context.Background(), c.RemoteAddr().Network(), c.addr) {
		return &MismatchError{TLS: true}
	}
	return nil
}

func firstLine(p []byte) string {
	line, _, _ := strings.Cut(string(p[:min(len(p), 200)]), "\r\n")
	if !strings.HasPrefix(line, "-") {
		return ""
	}
	return line
}

// hangsUp tells whether Redis closes the connection when it has said that: whoever writes more
// learns of a broken pipe alone.
func hangsUp(r refusal.Refusal) bool {
	return r.Code == "DENIED" || strings.HasPrefix(r.Code, "max number of clients")
}

// SyscallConn implements [syscall.Conn], by which go-redis looks whether a connection that was idle
// is still good.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if c.left.Load() {
		return nil, errLeft
	}
	if plain, is := c.Conn.(syscall.Conn); is {
		return plain.SyscallConn()
	}
	return unknown{}, nil
}

// unknown is the socket under TLS, of which a byte that can be read says nothing: it may be TLS'
// own.
type unknown struct{}

func (unknown) Control(func(uintptr)) error    { return nil }
func (unknown) Read(func(uintptr) bool) error  { return nil }
func (unknown) Write(func(uintptr) bool) error { return nil }
