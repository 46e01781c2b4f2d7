package aliyun

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

var (
	errOver          = errors.New("the attempt is over")
	errSentElsewhere = errors.New("the request has left on another connection")
)

type state int

const (
	waiting state = iota // nothing has left
	sent                 // a byte may have left
	over                 // nothing will leave any more
)

// attempt decides, once and for all who ask, whether a byte of its request may leave. The
// connection asks before it writes, the caller's context and the age timer withdraw the permission,
// and what happened first holds.
type attempt struct {
	clock     *clock
	noted     instant
	mutates   bool
	maxBody   int                     // of the answer
	abandoned func() error            // why the caller's context is done, nil while it is not
	cancel    context.CancelCauseFunc // ends the request

	mu    sync.Mutex
	state state
	by    *conn // that took the first byte
	why   error // nothing may leave, or should have
}

// start returns the attempt and the context that its request runs in: one of its own, which ends
// with the caller's only as long as that is harmless. The function returned must be called at the
// end.
func start(
	ctx context.Context,
	c *clock,
	noted time.Time,
	mutates bool,
	timeout time.Duration,
) (*attempt, context.Context, func()) {
	now := c.read()
	own, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	overdue := time.AfterFunc(timeout, func() { cancel(overdueError(timeout)) })
	a := &attempt{
		clock: c, noted: c.noted(noted, now), mutates: mutates, cancel: cancel,
		abandoned: func() error { return context.Cause(ctx) },
	}

	age, err := a.noted.age(now)
	if err != nil {
		a.withdraw(err)
	}
	// A call that waits too long for a connection could not leave any more: it ends early, instead of
	// at its timeout.
	tooOld := time.AfterFunc(maxAge-age, func() {
		a.expire(fmt.Errorf("no byte could leave within %v: %w", maxAge, context.DeadlineExceeded))
	})
	if err := a.abandoned(); err != nil {
		a.withdraw(err)
	}
	stop := context.AfterFunc(ctx, func() { a.withdraw(a.abandoned()) })
	return a, own, func() {
		stop()
		tooOld.Stop()
		overdue.Stop()
		cancel(nil)
	}
}

// overdueError is a call that took longer than it holds.
type overdueError time.Duration

func (e overdueError) Error() string {
	return fmt.Sprintf("not done within %v: %v", time.Duration(e), e.Unwrap())
}

func (e overdueError) Unwrap() error { return context.DeadlineExceeded }

// arm makes the connection ask this attempt from now on.
func (a *attempt) arm(got net.Conn) {
	c, guarded := got.(*conn)
	// cannot be, as the transport dials no other; if it were, nothing would stand between it and a
	// late byte
	if !guarded {
		a.withdraw(errUnarmed)
		return
	}
	c.attempt.Store(a)
}

// begin is asked by a connection before it writes. The age is measured here, where the bytes leave:
// between this line and the system call nothing waits, and a process that is suspended even there
// is stopped by the signature, which the API refuses after 15 minutes.
func (a *attempt) begin(c *conn) (first bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.state == sent && a.by == c:
		return false, nil
	case a.state == sent:
		return false, errSentElsewhere
	case a.state == over:
		return false, a.why
	}
	err = a.abandoned() // the goroutine that withdraws may be late
	if err == nil {
		_, err = a.noted.age(a.clock.read())
	}
	if err != nil {
		a.refuse(err)
		return false, err
	}
	a.state, a.by = sent, c
	return true, nil
}

// release takes begin back: the connection was broken and took no byte, so that the request may
// leave on another.
func (a *attempt) release(c *conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state != sent || a.by != c {
		return
	}
	a.state, a.by = waiting, nil
	if a.why != nil { // the caller gave up in between
		a.refuse(a.why)
	}
}

// withdraw is the caller giving up.
func (a *attempt) withdraw(why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.state == waiting:
		a.refuse(why)
	case a.state == sent && !a.mutates:
		a.cancel(why)
	case a.state == sent:
		a.why = why
	}
}

// expire ends an attempt that has not begun, and no other.
func (a *attempt) expire(why error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state == waiting {
		a.refuse(why)
	}
}

// refuse needs the lock.
func (a *attempt) refuse(why error) {
	a.state, a.why = over, why
	a.cancel(why)
}

// expects tells whether bytes that come from c can be this request's answer.
func (a *attempt) expects(c *conn) bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state == sent && a.by == c
}

// end closes the attempt. It tells whether a byte may have left, and, where none has, why.
func (a *attempt) end(why error) (mayHaveLeft bool, _ error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch a.state {
	case sent:
		a.state, a.why = over, errOver
		return true, why
	case waiting:
		a.state, a.why = over, why
	case over: // refused before: the reason stands
	}
	return false, a.why
}
