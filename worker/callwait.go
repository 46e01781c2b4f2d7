package worker

import (
	"context"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
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
