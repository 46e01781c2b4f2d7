package aliyun

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

var (
	errUnarmed    = errors.New("no attempt owns this connection")
	errUnasked    = errors.New("the other side spoke without having been asked")
	errUnfinished = errors.New("the end of the answer before cannot be told")
)

// conn is a connection, above TLS, that asks the attempt it serves before it lets a byte through,
// and takes back nothing but that attempt's answer.
type conn struct {
	net.Conn
	attempt atomic.Pointer[attempt]
	retires retirement

	mu      sync.Mutex // net/http reads and writes in two goroutines
	used    bool       // a request has been written
	frame   frame      // of the answer
	spoiled bool       // not to be trusted with another request, or another byte
}

// Write lets nothing through that the attempt does not allow.
func (c *conn) Write(p []byte) (int, error) {
	a := c.attempt.Load()
	if a == nil {
		return 0, errUnarmed
	}
	if c.isSpoiled() {
		return 0, errUnasked
	}
	if err := c.takesAnother(a); err != nil {
		return 0, err // net/http takes another connection, as nothing has been written
	}
	first, err := a.begin(c)
	if err != nil {
		return 0, err
	}
	if first {
		c.expectAnswer(a.maxBody)
	}
	n, err := c.Conn.Write(p)
	if first && n == 0 && err != nil {
		// TCP took nothing, or TLS not even its first record whole: the other side cannot read a byte of
		// it.
		a.release(c)
	}
	return n, err
}

// takesAnother says why a connection that has served a request is not to serve the attempt, too.
func (c *conn) takesAnother(a *attempt) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.used, a.expects(c): // its first, or in the middle of one
		return nil
	case !c.frame.complete:
		return errUnfinished
	}
	return c.retires.due()
}

// Read passes on the answer to what has been written, and nothing else. Without this, an answer too
// many would be taken, by net/http, for the answer to the next request: another customer's number.
// (What arrives after the next request has left cannot be told from its answer; HTTP/1.1 has no
// mark for it.)
func (c *conn) Read(p []byte) (int, error) {
	if c.isSpoiled() {
		return 0, errUnasked
	}
	n, err := c.Conn.Read(p)
	if n == 0 {
		return n, err
	}
	if !c.attempt.Load().expects(c) {
		return 0, errUnasked
	}
	if n = c.take(p[:n]); n == 0 {
		return 0, errUnasked
	}
	return n, err
}

func (c *conn) isSpoiled() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spoiled
}

func (c *conn) expectAnswer(maxBody int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = true
	c.frame.expect(maxBody)
}

// take returns how many of the bytes that came belong to the answer.
func (c *conn) take(p []byte) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	if !c.frame.complete {
		n = c.frame.take(p)
	}
	// Behind an answer that is none of the API's, such as a 408 that crossed the request, the real one
	// may follow.
	c.spoiled = n < len(p) || c.frame.complete && !c.frame.usable
	return n
}

// connLife is how long a connection serves new requests: half as long again at most, so that those
// that were opened together do not all end together. One that is never idle would otherwise be kept
// for ever, whatever address its name has by now.
const connLife = 3 * time.Minute

// retirement is when a connection takes no further request. It never ends one that is under way.
type retirement struct {
	clock *clock
	at    time.Duration // by the monotonic clock
}

func (r retirement) due() error {
	if r.clock == nil || r.clock.read().mono < r.at {
		return nil
	}
	return fmt.Errorf("the connection has served for more than %v", connLife)
}
