package rig

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// echo answers what it is sent until the other side has no more.
func echo(t *testing.T) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func lay(t *testing.T, roundTrip time.Duration) *Line {
	t.Helper()
	line, err := Lay(echo(t), roundTrip)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = line.Close() })
	return line
}

// TestLineIsLate: no answer comes sooner than the line allows, on any of many connections at once,
// which do not wait for each other.
func TestLineIsLate(t *testing.T) {
	t.Parallel()
	const roundTrip, connections, pings = 20 * time.Millisecond, 50, 5
	line := lay(t, roundTrip)
	began := time.Now()
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			conn, err := net.Dial("tcp", line.Addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = conn.Close() }()
			for range pings {
				sent, answer := time.Now(), make([]byte, 4)
				if _, err := conn.Write([]byte("ping")); err != nil {
					t.Error(err)
				}
				if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "ping" {
					t.Errorf("%q, %v", answer, err)
				}
				if took := time.Since(sent); took < roundTrip-2*early {
					t.Errorf("an answer came after %s", took)
				}
			}
		})
	}
	all.Wait()
	if took, inTurn := time.Since(began), connections*pings*roundTrip; took > inTurn/2 {
		t.Errorf("it took %s: one after the other would take %s", took, inTurn)
	}
}

// TestLineKeepsOrder: much travels at once, arrives in order, and the end arrives after it.
func TestLineKeepsOrder(t *testing.T) {
	t.Parallel()
	const size = 8 << 20
	line := lay(t, 2*time.Millisecond)
	sent := make([]byte, size)
	_, _ = rand.Read(sent)
	conn, err := net.Dial("tcp", line.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	go func() {
		_, _ = conn.Write(sent)
		_ = conn.(*net.TCPConn).CloseWrite()
	}()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d of %d bytes came back, %v; the same: %t", len(got), size, err, bytes.Equal(got, sent))
	}
}

// TestLineIsCut: closing it ends the connections over it.
func TestLineIsCut(t *testing.T) {
	t.Parallel()
	line := lay(t, time.Millisecond)
	conn, err := net.Dial("tcp", line.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := line.Close(); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := io.ReadAll(conn); err != nil && !isReset(err) {
		t.Errorf("the connection has not ended: %v", err)
	}
}

func isReset(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && !e.Timeout()
}
