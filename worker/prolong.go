package worker

import (
	"context"
	"encoding/json"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// prolonged is an expiry that the inventory was told before the call that sets it left.
type prolonged struct {
	change inventory.Change
	was    time.Time
}

// prolong tells the inventory of an expiry that may become later, so that no crash and no lost answer has it hand out a number
// that is still bound. It returns nil where nothing became later.
func (d *delivery) prolong(ctx context.Context, request []byte) (*prolonged, error) {
	change, ok := d.change(request)
	if !ok || change.Until.IsZero() {
		return nil, nil
	}
	p := prolonged{change: change}
	err := d.worker.untilWritten(ctx, d.id, "number", func(ctx context.Context) (err error) {
		p.was, err = d.worker.numbers.Prolong(ctx, change)
		return err
	})
	if err != nil || p.was.IsZero() {
		return nil, err
	}
	return &p, nil
}

// curtail takes a later expiry back where no call of the task can have set it: a binding that is gone by then would hold its
// number until it.
func (d *delivery) curtail(ctx context.Context, p *prolonged, begun record.Begun, v verdict) {
	if p == nil || v.state == record.Succeeded || v.mayHaveRun || begun.MayHaveRun {
		return
	}
	err := d.worker.untilWritten(ctx, d.id, "number", func(ctx context.Context) error {
		return d.worker.numbers.Curtail(ctx, p.change, p.was)
	})
	if err != nil {
		d.worker.log.Error().Str("id", d.id).Err(err).Msg("the inventory could not be told that an expiry stays as it was")
	}
}

// change reads what an update changes about which numbers are in use.
func (d *delivery) change(request []byte) (c inventory.Change, ok bool) {
	var r dypls.UpdateSubscriptionRequest
	if d.kind.action != dypls.UpdateSubscription.Action || json.Unmarshal(request, &r) != nil || r.PoolKey == "" {
		return c, false // what cannot be read is told by the call
	}
	return changeOf(r), true
}
