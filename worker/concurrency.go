package worker

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	// aheadPerCall: for so many calls at once, one more task is performed whose call is over or has not begun. Without it a
	// call would be wanting while Redis is told of an outcome, and asked for the next task.
	aheadPerCall = 1
	// readyPerCall: for so many calls at once, one more task may get ready. Without it a call would be wanting while the record is
	// asked. More of them are not worth it: a task that has its record's leave is in doubt where the worker is killed. And with as many
	// as are performed, those who wait for a quota would never see that others need their place.
	readyPerCall = 4
	// readyFor is how long a task that may call waits for another's call to end, from when its own was noted: it leaves soon
	// after, or not at all.
	readyFor = leavesWithin / 4
	// lastingCall is how long calls take where a task waits for its own first: it would be ready for a quarter of that.
	lastingCall = readyFor / 2
	// callsLastPause is when one is offered again for which no call came free.
	callsLastPause = time.Second
)

// performedAtOnce is how many tasks of a queue are performed for so many calls at once.
func performedAtOnce(calls int) int { return calls + calls/aheadPerCall }

// performedOf is performedAtOnce for each queue.
func performedOf(calls map[string]int) map[string]int {
	performed := make(map[string]int, len(calls))
	for queue, n := range calls {
		performed[queue] = performedAtOnce(n)
	}
	return performed
}

// callSlots bounds the calls of a queue's tasks, and how many tasks get ready for one.
type callSlots struct {
	ready, calls chan struct{}
	took         atomic.Int64 // how long calls have taken lately, in nanoseconds
}

func newCallSlots(calls map[string]int) map[string]*callSlots {
	slots := make(map[string]*callSlots, len(calls))
	for queue, n := range calls {
		slots[queue] = &callSlots{ready: make(chan struct{}, n+n/readyPerCall), calls: make(chan struct{}, n)}
	}
	return slots
}

// note takes the length of a call into account. One that is missed because two end at once does not matter.
func (s *callSlots) note(took time.Duration) {
	const lately = 8
	before := s.took.Load()
	s.took.Store(before + (int64(took)-before)/lately)
}

var (
	// errDraining: a task that waited for its call goes to another worker, as it was.
	errDraining = errors.New("its worker ends")
	// errCallsLast: none ended while a task was ready for its own.
	errCallsLast = errors.New("the calls of others last too long")
)

// getReady waits until another task may get ready for its call. While the worker drains none does that had to wait.
func (d *delivery) getReady(ctx context.Context) error {
	slots := d.worker.calls[d.slots]
	if slots == nil {
		return nil
	}
	select {
	case slots.ready <- struct{}{}:
		d.ready = slots.ready
		return nil
	default:
	}
	crowd := d.worker.crowds[d.slots]
	if b := d.bucket(); crowd != nil && crowd.full(d.account, b) {
		return &heldError{delay: b.Backoff(), reason: b.Name() + ": others of its account wait already"}
	}
	select {
	case slots.ready <- struct{}{}:
		d.ready = slots.ready
		return nil
	case crowd.need() <- struct{}{}: // somebody's who waited for a quota
		d.ready = slots.ready
		return nil
	case <-d.worker.draining:
		return errDraining
	case <-ctx.Done():
		return ctx.Err()
	}
}

// awaitCall waits until another call may be made, where calls last: before the record is asked, so that the wait may last, too.
func (d *delivery) awaitCall(ctx context.Context) error {
	slots := d.worker.calls[d.slots]
	if slots == nil || slots.took.Load() < int64(lastingCall) || d.callAtOnce(slots) {
		return nil
	}
	return d.waitToCall(ctx, slots, nil)
}

// takeCall waits for it where the record has been asked, and knows of the call since then.
func (d *delivery) takeCall(ctx context.Context, since time.Time) error {
	slots := d.worker.calls[d.slots]
	if slots == nil || d.calling != nil || d.callAtOnce(slots) {
		return nil
	}
	late := time.NewTimer(readyFor - time.Since(since))
	defer late.Stop()
	err := d.waitToCall(ctx, slots, late.C)
	if errors.Is(err, errCallsLast) {
		slots.took.Store(int64(readyFor))
	}
	return err
}

func (d *delivery) callAtOnce(slots *callSlots) bool {
	select {
	case slots.calls <- struct{}{}:
		d.calling = slots.calls
		return true
	default:
		return false
	}
}

func (d *delivery) waitToCall(ctx context.Context, slots *callSlots, late <-chan time.Time) error {
	select {
	case slots.calls <- struct{}{}:
		d.calling = slots.calls
		return nil
	case <-late:
		return errCallsLast
	case <-d.worker.draining:
		return errDraining
	case <-ctx.Done():
		return ctx.Err()
	}
}

// called makes room for another call, of which this one tells how long it may last.
func (d *delivery) called(took time.Duration) {
	if slots := d.worker.calls[d.slots]; slots != nil {
		slots.note(took)
	}
	d.leaveSlots()
}

// leaveSlots lets another task call, and another get ready. It may be called again.
func (d *delivery) leaveSlots() {
	for _, held := range []*chan struct{}{&d.calling, &d.ready} {
		if *held != nil {
			<-*held
			*held = nil
		}
	}
}

// unready gives a task back that had leave to call, and whose call may not leave now.
func (d *delivery) unready(ctx context.Context, begun record.Begun, why error) error {
	d.handBack(ctx, begun)
	switch {
	case errors.Is(why, errDraining):
		return later(0, why.Error())
	case errors.Is(why, errCallsLast):
		return later(callsLastPause, why.Error())
	}
	if held, ok := errors.AsType[retryAfter](why); ok {
		return later(notBeyond(begun.Deadline, held.RetryAfter()), held.Error())
	}
	return later(redisAway, gaveUp)
}
