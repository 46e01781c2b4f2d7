package worker

import (
	"context"
	"encoding/json"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// orderKept is how long it is remembered which change of a binding was the newest: longer than any older one may still be tried.
const orderKept = 48 * time.Hour

// changeOfBinding is what must happen in order: the changes of one thing about one binding. It is "" for other actions.
func (d *delivery) changeOfBinding(request []byte) string {
	if d.kind.action != dypls.UpdateSubscription.Action {
		return ""
	}
	var r dypls.UpdateSubscriptionRequest
	if json.Unmarshal(request, &r) != nil {
		return ""
	}
	if d.of != "" {
		return d.of + "/" + r.SubsID + "/" + r.OperateType
	}
	return r.SubsID + "/" + r.OperateType
}

// takeTurn lets updates of one binding go one at a time, and none after one that was enqueued later: an old retry must not
// send calls to a number that was replaced. Where the turn is not this run's, it returns what becomes of the task instead.
func (d *delivery) takeTurn(ctx context.Context, begun record.Begun) (turn *record.Change, instead *verdict) {
	of := d.changeOfBinding(begun.Request)
	if of == "" {
		return nil, nil
	}
	// The turn is the task's, not the run's: a retry after a lost answer does not wait for itself.
	turn = &record.Change{Of: of, Run: d.id, Lease: d.worker.timing.claimLease, Keep: orderKept}
	var found record.ChangeVerdict
	var busy time.Duration
	err := d.worker.untilWritten(ctx, d.id, "turn", func(ctx context.Context) error {
		records, err := d.worker.records.Read(ctx, d.id)
		if err != nil {
			return err
		}
		turn.Order = records[0].EnqueuedAt.UnixMilli()
		found, busy, err = d.worker.records.Sequence(ctx, *turn)
		return err
	})
	switch {
	case err != nil || found == record.ChangeBusy:
		v := verdict{code: dypls.CodeNotSent, class: dypls.Unavailable, message: "another update of the binding is out"}
		v.wait(busy+afterClaim, begun)
		return nil, &v
	case found == record.ChangeSuperseded:
		return nil, &verdict{
			state: record.Failed, code: dypls.CodeCanceled, class: dypls.Rejected, message: "an update of the same binding that was enqueued later has been sent",
		}
	}
	return turn, nil
}

// endTurn lets the next update go, unless this one may still be under way: then its turn lapses.
func (d *delivery) endTurn(ctx context.Context, turn *record.Change, v verdict) {
	if turn == nil || v.code == dypls.CodeNoAnswer {
		return
	}
	err := d.worker.untilWritten(ctx, d.id, "turn", func(ctx context.Context) error { return d.worker.records.EndChange(ctx, *turn) })
	if err != nil {
		d.worker.log.Warn().Str("id", d.id).Err(err).Msg("the next update of the binding waits until this one's turn lapses")
	}
}
