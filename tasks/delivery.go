package tasks

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const deliveriesOut = 256 // they share round trips

// deliver hands what has no outcome to asynq. A delivery that is there already is left alone, so
// that a task whose producer died half-way is delivered by the next Enqueue of its key.
func (q *Queue) deliver(ctx context.Context, drafts []*draft) error {
	var left []*draft
	for _, d := range drafts {
		if d.err == nil && !d.found.HandedOver && !d.found.State.Told() && !d.found.State.Running() {
			left = append(left, d)
		}
	}
	switch {
	case len(left) == 1:
		if err := q.deliverOne(ctx, left[0]); err != nil {
			return q.failure(ctx, err)
		}
	case left != nil:
		if err := q.deliverMany(ctx, left); err != nil {
			return q.failure(ctx, err)
		}
	}
	return batchError(drafts)
}

func (q *Queue) deliverMany(ctx context.Context, drafts []*draft) error {
	if err := q.putTogether(ctx, drafts); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(deliveriesOut)
	for _, d := range drafts {
		if !d.found.HandedOver {
			group.Go(func() error { return q.deliverOne(groupCtx, d) })
		}
	}
	return group.Wait()
}

// putTogether makes the deliveries of new tasks in few round trips, as far as that works at the
// first try.
func (q *Queue) putTogether(ctx context.Context, drafts []*draft) error {
	fresh := where(drafts, func(d *draft) bool { return d.found.Verdict == record.IsNew })
	for trip := range slices.Chunk(fresh, recordsPerTrip) {
		deliveries := make([]dispatch.Delivery, len(trip))
		for i, d := range trip {
			deliveries[i] = d.delivery(1, d.found.ProcessAt)
		}
		made, err := q.dispatch.PutTogether(ctx, deliveries)
		if err != nil {
			return err
		}
		for i, d := range trip {
			d.found.HandedOver = made[i]
		}
	}
	return nil
}

// deliverOne makes a task's delivery, unless it is there. One that asynq has archived is there no
// longer: its record was kept for its time and is gone, and this is a new task under the same id;
// or a person archived it.
func (q *Queue) deliverOne(ctx context.Context, d *draft) error {
	first := d.delivery(d.found.Delivery, d.found.ProcessAt)
	return q.put(ctx, first, func(number int64) (string, error) {
		return q.queueFor(ctx, d, number)
	})
}

// put is deliverOne of a delivery, or of the next where it was archived.
func (q *Queue) put(
	ctx context.Context,
	delivery dispatch.Delivery,
	queueFor func(number int64) (string, error),
) error {
	for delivery.Number > 0 {
		queue, err := queueFor(delivery.Number)
		if err != nil {
			return err
		}
		there, err := q.dispatch.Put(ctx, queue, delivery)
		if err != nil || !there {
			return err
		}
		archived, err := q.dispatch.IsArchived(ctx, queue, delivery.ID, delivery.Number)
		if err != nil || !archived {
			// put by an earlier try whose reply was lost, or by another Enqueue; perhaps performed since
			return err
		}
		if delivery.Number, err = q.dispatch.Next(ctx, delivery.ID, delivery.Number); err != nil {
			return err
		}
	}
	return nil
}

// queueFor is the queue that a delivery is to be in: where it is, if it may be somewhere.
func (q *Queue) queueFor(ctx context.Context, d *draft, number int64) (string, error) {
	if d.found.Verdict == record.IsNew {
		return q.dispatch.Place(ctx, d.policy.Queue, d.record.ID), nil
	}
	return q.dispatch.Holder(ctx, d.policy.Queue, d.record.ID, number)
}

// delivery is the draft's n-th.
func (d *draft) delivery(n int64, at time.Time) dispatch.Delivery {
	return dispatch.Delivery{
		Action:  d.action,
		ID:      d.record.ID,
		Account: d.record.Account,
		Number:  n,
		At:      at,
	}
}

// handOver has the first delivery of a new draft leave with its record.
func (q *Queue) handOver(ctx context.Context, d *draft) (err error) {
	d.record.Handover = nil
	if d.found.State != "" {
		return nil
	}
	d.record.Handover, err = q.dispatch.Handover(ctx, d.delivery(1, d.record.ProcessAt))
	if err != nil {
		return q.failure(ctx, err)
	}
	return nil
}
