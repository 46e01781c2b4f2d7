package worker

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

const (
	// aheadPerCall: for so many calls at once, one more task is performed whose call is over or has
	// not begun. Without the extra task, a call slot would sit idle while an outcome is being
	// written and the next task fetched.
	aheadPerCall = 1
	// preparePerCall: for so many calls at once, one more task may get ready. Without the extra
	// task, a call slot would sit idle while the record is asked. More are not worth it: a task
	// that has its record's leave is in doubt where the worker is killed. With as many as are
	// performed, tasks that wait for the rate limit would never see that others need their slot.
	preparePerCall = 4
	// callSlotWait is how long a task waits for a call slot, from when its call was noted: a call
	// leaves soon after, or not at all.
	callSlotWait = leavesWithin / 4
	// slowCallFrom is how long calls take from which on a task acquires its call slot early.
	slowCallFrom = callSlotWait / 2
	// callsSlowPause is when a task is delivered again for which no call slot came free.
	callsSlowPause = time.Second
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

// concurrency bounds the calls of a queue's tasks, and how many tasks get ready for one.
type concurrency struct {
	prepareSlots, callSlots chan struct{}
	took                    atomic.Int64 // how long calls have taken lately, in nanoseconds
}

func newConcurrency(calls map[string]int) map[string]*concurrency {
	slots := make(map[string]*concurrency, len(calls))
	for queue, n := range calls {
		slots[queue] = &concurrency{
			prepareSlots: make(chan struct{}, n+n/preparePerCall),
			callSlots:    make(chan struct{}, n),
		}
	}
	return slots
}

// note takes the length of a call into account. One that is missed because two end at once does not
// matter.
func (s *concurrency) note(took time.Duration) {
	const lately = 8
	before := s.took.Load()
	s.took.Store(before + (int64(took)-before)/lately)
}

var (
	// errDraining: a task that waited for a slot goes to another worker, as it was.
	errDraining = errors.New("its worker ends")
	// errCallsSlow: no call slot came free in time.
	errCallsSlow = errors.New("the calls of others last too long")
)

// acquirePrepareSlot waits until another task may get ready for its call. While the worker drains,
// none does that had to wait.
func (d *delivery) acquirePrepareSlot(ctx context.Context) error {
	slots := d.worker.concurrency[d.baseQueue]
	if slots == nil {
		return nil
	}
	select {
	case slots.prepareSlots <- struct{}{}:
		d.prepareSlot = slots.prepareSlots
		return nil
	default:
	}
	waitQuota := d.worker.waitQuotas[d.baseQueue]
	if b := d.bucket(); waitQuota != nil && waitQuota.mustRequeue(d.account, b) {
		return &retryLaterError{
			delay:  b.Backoff(),
			reason: b.Name() + ": others of its account wait already",
		}
	}
	select {
	case slots.prepareSlots <- struct{}{}:
		d.prepareSlot = slots.prepareSlots
		return nil
	// one that waited for the rate limit gives up its slot
	case waitQuota.requestPlace() <- struct{}{}:
		d.prepareSlot = slots.prepareSlots
		return nil
	case <-d.worker.draining:
		return errDraining
	case <-ctx.Done():
		return ctx.Err()
	}
}

// acquireCallSlotEarly waits until another call may be made, where calls are slow: before the
// record is asked, so that the wait may last, too, and before a permit is acquired, which does not
// keep.
func (d *delivery) acquireCallSlotEarly(ctx context.Context) error {
	slots := d.worker.concurrency[d.baseQueue]
	if slots == nil || slots.took.Load() < int64(slowCallFrom) || d.tryCallSlot(slots) {
		return nil
	}
	return d.receiveCallSlot(ctx, slots, nil)
}

// acquireCallSlot waits until another call may be made, unless it has its slot already. The record
// knows of the call.
func (d *delivery) acquireCallSlot(ctx context.Context) error {
	if ctx.Err() != nil { // the queue gave this delivery up while Redis was away
		return ctx.Err()
	}
	err := d.waitForCallSlot(ctx, d.noted)
	d.started = time.Now()
	return err
}

// waitForCallSlot waits for one as long as a call that was noted then may still leave.
func (d *delivery) waitForCallSlot(ctx context.Context, noted time.Time) error {
	slots := d.worker.concurrency[d.baseQueue]
	if slots == nil || d.callSlot != nil || d.tryCallSlot(slots) {
		return nil
	}
	late := time.NewTimer(callSlotWait - time.Since(noted))
	defer late.Stop()
	err := d.receiveCallSlot(ctx, slots, late.C)
	if errors.Is(err, errCallsSlow) {
		slots.took.Store(int64(callSlotWait))
	}
	return err
}

func (d *delivery) tryCallSlot(slots *concurrency) bool {
	select {
	case slots.callSlots <- struct{}{}:
		d.callSlot = slots.callSlots
		return true
	default:
		return false
	}
}

func (d *delivery) receiveCallSlot(
	ctx context.Context,
	slots *concurrency,
	late <-chan time.Time,
) error {
	select {
	case slots.callSlots <- struct{}{}:
		d.callSlot = slots.callSlots
		return nil
	case <-late:
		return errCallsSlow
	case <-d.worker.draining:
		return errDraining
	case <-ctx.Done():
		return ctx.Err()
	}
}

// callEnded frees the slots for other tasks. How long the call took tells whether calls are slow.
func (d *delivery) callEnded(took time.Duration) {
	if slots := d.worker.concurrency[d.baseQueue]; slots != nil {
		slots.note(took)
	}
	d.releaseSlots()
}

// releaseSlots lets another task call, and another get ready. It may be called again.
func (d *delivery) releaseSlots() {
	for _, held := range []*chan struct{}{&d.callSlot, &d.prepareSlot} {
		if *held != nil {
			<-*held
			*held = nil
		}
	}
}
