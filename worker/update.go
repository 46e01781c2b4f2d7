package worker

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	// updateLockPause is the first pause before a run tries again to acquire the lock. Each pause
	// is twice the one before.
	updateLockPause = 100 * time.Millisecond
	// updateLockTries is how many pauses a run sits out. For longer ones it goes back to the queue,
	// where it takes up no slot.
	updateLockTries = 2
)

// acquireUpdateLock lets the changes of one thing, such as a binding's B, go one at a time, and
// none after one that was enqueued later: an old retry must not send calls to a number that was
// replaced.
func (d *delivery) acquireUpdateLock(ctx context.Context) error {
	if !d.kind.ordered {
		return nil
	}
	var change record.Change
	err := d.worker.untilWritten(ctx, d.id, "update lock", func(ctx context.Context) (err error) {
		change, err = d.worker.records.ChangeOf(ctx, d.id)
		return err
	})
	if err == nil && change.Of == "" {
		return nil
	}
	// The lock is the task's, not the run's: a retry after a lost answer does not wait for itself.
	change.Run, change.Lease, change.Until = d.id, d.worker.timing.claimLease, d.begun.Deadline
	var found record.ChangeVerdict
	var busy time.Duration
	for n := 0; err == nil; n++ {
		found, busy, err = d.tryUpdateLock(ctx, change)
		if err != nil || found != record.ChangeBusy || n == updateLockTries {
			break
		}
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(updateLockPause << n):
		}
	}
	shortage, short := errors.AsType[*record.ShortageError](err)
	switch {
	case short:
		d.updateLock = &change
		return d.tooFewReplicas(shortage, "its update lock")
	case err != nil || found == record.ChangeBusy:
		v := verdict{
			code:    dypls.CodeNotSent,
			class:   dypls.Unavailable,
			message: "another update of the binding is out",
		}
		v.wait(growing(updateLockPause<<updateLockTries, busy+afterClaim, d.begun.Uncounted), d.begun)
		return &decidedError{v}
	case found == record.ChangeSuperseded:
		return &decidedError{
			verdict{
				state:   record.Failed,
				code:    dypls.CodeCanceled,
				class:   dypls.Rejected,
				message: "an update of the same binding that was enqueued later has been sent",
			},
		}
	}
	d.updateLock = &change
	return nil
}

// tryUpdateLock tries until Redis answers. A shortage of replicas is an answer, too.
func (d *delivery) tryUpdateLock(
	ctx context.Context,
	change record.Change,
) (found record.ChangeVerdict, busy time.Duration, err error) {
	var shortage *record.ShortageError
	err = d.worker.untilWritten(ctx, d.id, "update lock", func(ctx context.Context) (err error) {
		found, busy, err = d.worker.records.Sequence(ctx, change)
		if errors.As(err, &shortage) {
			return nil
		}
		return err
	})
	if err == nil && shortage != nil {
		err = shortage
	}
	return found, busy, err
}

// releaseUpdateLock lets the next change go, unless this one may still be under way: then its lock
// lapses.
func (d *delivery) releaseUpdateLock(ctx context.Context, v verdict) {
	if d.updateLock == nil || v.code == dypls.CodeNoAnswer {
		return
	}
	err := d.worker.untilWritten(
		ctx,
		d.id,
		"update lock",
		func(ctx context.Context) error { return d.worker.records.EndChange(ctx, *d.updateLock) },
	)
	if err != nil {
		d.log().Warn().
			Str("id", d.id).
			Err(err).
			Msg("update lock not released; the next update waits until it lapses")
	}
}

// prolonged is an expiry that the inventory was told before the call that sets it left.
type prolonged struct {
	change inventory.Change
	was    time.Time
}

// prolongNumber tells the inventory of an expiry that may become later, so that no crash and no
// lost answer has it hand out a number that is still bound. It returns nil where nothing became
// later.
func (d *delivery) prolongNumber(ctx context.Context) error {
	if err := d.checkInventory(ctx); err != nil {
		return err
	}
	change, ok := d.change(d.begun.Request)
	if !ok || change.Until.IsZero() {
		return nil
	}
	p := prolonged{change: change}
	var shortage *record.ShortageError
	err := d.worker.untilWritten(ctx, d.id, "number", func(ctx context.Context) (err error) {
		p.was, err = d.worker.numbers.Prolong(ctx, change)
		if errors.As(err, &shortage) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if !p.was.IsZero() {
		d.expiry = &p
	}
	if shortage != nil {
		return d.tooFewReplicas(shortage, "its new expiry")
	}
	return nil
}

// tooFewReplicas decides that the call waits: a failover could forget what it relies on.
func (d *delivery) tooFewReplicas(shortage *record.ShortageError, of string) error {
	d.worker.logReplicaShortage(shortage)
	v := verdict{
		code:    dypls.CodeNotSent,
		class:   dypls.Unavailable,
		message: "too few replicas of redis know of " + of,
	}
	v.wait(redisAway, d.begun)
	return &decidedError{v}
}

// curtail takes a later expiry back where no call of the task can have set it: a binding that is
// gone by then would hold its number until it.
func (d *delivery) curtail(ctx context.Context, v verdict) {
	p := d.expiry
	if p == nil || v.state == record.Succeeded || v.mayHaveRun || d.begun.MayHaveRun {
		return
	}
	err := d.worker.untilWritten(ctx, d.id, "number", func(ctx context.Context) error {
		return d.worker.numbers.Curtail(ctx, p.change, p.was)
	})
	if err != nil {
		d.log().Error().
			Str("id", d.id).
			Err(err).
			Msg("inventory not updated; number held until the later expiry")
	}
}

// change reads what an update changes about which numbers are in use.
func (d *delivery) change(request []byte) (c inventory.Change, ok bool) {
	var r dypls.UpdateSubscriptionRequest
	if d.kind.action != dypls.UpdateSubscription.Action || json.Unmarshal(request, &r) != nil ||
		r.PoolKey == "" {
		return c, false // what cannot be read is told by the call
	}
	return changeOf(r), true
}

// changeOf is what an update changed about which numbers are in use.
func changeOf(r dypls.UpdateSubscriptionRequest) inventory.Change {
	c := inventory.Change{Pool: r.PoolKey, X: r.PhoneNoX, SubsID: r.SubsID}
	switch r.OperateType {
	case dypls.UpdateNoA:
		c.A = r.PhoneNoA
	case dypls.UpdateNoB:
		c.B = r.PhoneNoB
	case dypls.UpdateExpire:
		c.Until = inventory.Until(r.Expiration)
	}
	return c
}
