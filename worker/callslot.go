package worker

import (
	"context"
	"errors"
)

// aheadPerSlot: for so many calls at once, one more task is performed whose call is over or has not begun. Without it a
// slot would stand idle while Redis is told of an outcome, and asked for the next task.
const aheadPerSlot = 4

// performedAtOnce is how many tasks of a queue are performed for so many calls at once.
func performedAtOnce(calls int) int { return calls + calls/aheadPerSlot }

// performedOf is performedAtOnce for each queue.
func performedOf(calls map[string]int) map[string]int {
	performed := make(map[string]int, len(calls))
	for queue, n := range calls {
		performed[queue] = performedAtOnce(n)
	}
	return performed
}

// callSlots bounds the calls of each queue's tasks.
type callSlots map[string]chan struct{}

func newCallSlots(calls map[string]int) callSlots {
	slots := make(callSlots, len(calls))
	for queue, n := range calls {
		slots[queue] = make(chan struct{}, n)
	}
	return slots
}

// errDraining: a task that waited for a call goes to another worker, as it is.
var errDraining = errors.New("its worker ends")

// takeSlot waits until another call may be made. While the worker drains none is begun that had to wait.
func (d *delivery) takeSlot(ctx context.Context) error {
	slots, bounded := d.worker.calls[d.slots]
	if !bounded {
		return nil
	}
	select {
	case slots <- struct{}{}:
		d.slot = slots
		return nil
	default:
	}
	crowd := d.worker.crowds[d.slots]
	if b := d.budget(); crowd != nil && crowd.full(d.account, b) {
		return &heldError{delay: b.book(), reason: b.name + ": others of its account wait already"}
	}
	select {
	case slots <- struct{}{}:
		d.slot = slots
		return nil
	case crowd.need() <- struct{}{}: // somebody's who waited for a quota
		d.slot = slots
		return nil
	case <-d.worker.draining:
		return errDraining
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leaveSlot lets another call begin. It may be called again.
func (d *delivery) leaveSlot() {
	if d.slot != nil {
		<-d.slot
		d.slot = nil
	}
}
