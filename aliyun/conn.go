package aliyun

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
)

var (
	errUnarmed = errors.New("no attempt owns this connection")
	errUnasked = errors.New("the other side spoke without having been asked")
)

// conn is a connection, above TLS, that asks the attempt it serves before it lets a byte through,
// and takes back nothing but that attempt's answer.
type conn struct {
	net.Conn
	attempt atomic.Pointer[attempt]

	mu       sync.Mutex // net/http reads and writes in two goroutines
	received []byte     // of the answer
	complete bool       // the answer is all there
	spoiled  bool       // not to be trusted with another request
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
	first, err := a.begin(c)
	if err != nil {
		return 0, err
	}
	if first {
		c.expectAnswer()
	}
	n, err := c.Conn.Write(p)
	if first && n == 0 && err != nil {
		// TCP took nothing, or TLS not even its first record whole: the other side cannot read a byte of it.
		a.release(c)
	}
	return n, err
}

// Read passes on the answer to what has been written, and nothing else. Without this, an answer too many
// would be taken, by net/http, for the answer to the next request: another customer's number.
// (What arrives after the next request has left cannot be told from its answer; HTTP/1.1 has no mark for it.)
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

func (c *conn) expectAnswer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.received, c.complete = c.received[:0], false
}

// take returns how many of the bytes that came belong to the answer.
func (c *conn) take(p []byte) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.complete {
		c.spoiled = true
		return 0
	}
	before := len(c.received)
	c.received = append(c.received, p...)
	end, usable := endOfAnswer(c.received)
	if end == 0 {
		return len(p)
	}
	// Behind an answer that is none of the API's, such as a 408 that crossed the request, the real one may follow.
	c.complete, c.spoiled = true, !usable || end < len(c.received)
	return end - before
}

// endOfAnswer finds where the first whole answer ends, 0 while it is not all there, and whether it is the API's.
// What is malformed is left to net/http. An answer that lasts until the connection is closed is never all there.
func endOfAnswer(received []byte) (end int, usable bool) {
	if head, length, plain := plainAnswer(received); plain {
		end = head + length
		if len(received) < end {
			return 0, false
		}
		_, err := envelopeOf(received[head:end])
		return end, err == nil
	}
	return endOfAnyAnswer(received)
}

// endOfAnyAnswer uses the parser that net/http uses, so that the two agree.
func endOfAnyAnswer(received []byte) (end int, usable bool) {
	source := bytes.NewReader(received)
	reader := bufio.NewReaderSize(source, min(len(received), 4096)) // no greater than it must be
	for {
		resp, err := http.ReadResponse(reader, &http.Request{Method: http.MethodPost}) //nolint:bodyclose // it is bytes in memory
		switch {
		case err != nil, resp.StatusCode == http.StatusSwitchingProtocols:
			return 0, false
		case resp.StatusCode < http.StatusOK:
			continue
		case resp.ContentLength < 0 && len(resp.TransferEncoding) == 0:
			return 0, false
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return 0, false
		}
		_, err = envelopeOf(body)
		return len(received) - source.Len() - reader.Buffered(), err == nil
	}
}
