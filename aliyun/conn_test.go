package aliyun

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

func armed(t *testing.T) (*conn, *attempt) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	a, _, stop := start(t.Context(), systemClock(), time.Time{}, true, time.Minute)
	t.Cleanup(stop)
	c := &conn{Conn: ours}
	c.attempt.Store(a)
	return c, a
}

// A connection that breaks before it takes a byte leaves the attempt as it was; one that took a
// byte does not.
func TestConn_brokenBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	c, a := armed(t)
	_ = c.Close()
	if n, err := c.Write([]byte("POST")); n != 0 || err == nil {
		t.Fatalf("%d bytes, error %v", n, err)
	}
	fresh, theirs := net.Pipe()
	t.Cleanup(func() { _, _ = fresh.Close(), theirs.Close() })
	go func() { _, _ = io.ReadFull(theirs, make([]byte, 4)) }()
	second := &conn{Conn: fresh}
	second.attempt.Store(a)
	if _, err := second.Write([]byte("POST")); err != nil {
		t.Fatalf("the attempt could not begin again: %v", err)
	}
	_ = fresh.Close()
	if _, err := second.Write([]byte("more")); err == nil {
		t.Fatal("a closed connection took bytes")
	}
	third := &conn{Conn: fresh}
	third.attempt.Store(a)
	if _, err := third.Write([]byte("POST")); !errors.Is(err, errSentElsewhere) {
		t.Errorf("a third connection was told %v", err)
	}
	if mayHaveLeft, _ := a.end(nil); !mayHaveLeft {
		t.Error("a byte has left, and the attempt denies it")
	}
}

func TestConn_withoutAnAttempt(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _, _ = ours.Close(), theirs.Close() })
	if _, err := (&conn{Conn: ours}).Write([]byte("POST")); !errors.Is(err, errUnarmed) {
		t.Errorf("the error is %v", err)
	}
}

// The caller's cancellation is not forgotten while a byte may be out: it holds when it turns out
// that none was.
func TestAttempt_cancelledWhileTheConnectionBreaks(t *testing.T) {
	t.Parallel()
	c, a := armed(t)
	if _, err := a.begin(c); err != nil {
		t.Fatal(err)
	}
	why := errors.New("the test says so")
	a.withdraw(why)
	a.release(c)
	if _, err := a.begin(c); !errors.Is(err, why) {
		t.Errorf("the error is %v", err)
	}
	if mayHaveLeft, err := a.end(nil); mayHaveLeft || !errors.Is(err, why) {
		t.Errorf("may have left: %t, error %v", mayHaveLeft, err)
	}
}
