package tasks

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	recordsPerTrip = 500
	createdPerTrip = 100 // so that one trip is made ready while Redis is busy with others
	tripsOut       = 3
)

// enqueue enqueues drafts, in a span of their own.
func (q *Queue) enqueue(ctx context.Context, drafts []*draft) ([]string, error) {
	if !q.tracer.On() {
		return q.enqueueAll(ctx, drafts)
	}
	ctx, span := q.startSend(ctx, drafts)
	defer span.End()
	ids, err := q.enqueueAll(ctx, drafts)
	endSend(span, drafts, err)
	return ids, err
}

// enqueueAll takes drafts through the steps, each for all of them: check, record, deliver.
func (q *Queue) enqueueAll(ctx context.Context, drafts []*draft) ([]string, error) {
	now := q.now()
	if err := q.prepare(ctx, drafts, now); err != nil {
		return nil, err
	}
	refuseSameKeyTwice(drafts)
	if err := q.lookUp(ctx, drafts, now); err != nil {
		return nil, err
	}
	ids := make([]string, len(drafts))
	for i, d := range drafts {
		ids[i] = d.record.ID
	}
	err := q.record(ctx, drafts)
	if err == nil {
		err = q.deliver(ctx, drafts)
	}
	if err == nil {
		tellKnown(drafts)
	}
	// with an error, too: a part may be queued, and these ids are the keys under which nothing doubles
	return ids, err
}

// prepare makes drafts ready, and finds out which keys of a batch are known. Parts of a large batch
// are made ready and looked up at the same time.
func (q *Queue) prepare(ctx context.Context, drafts []*draft, now time.Time) error {
	if len(drafts) == 1 {
		q.prepareDraft(drafts[0], now)
		return nil
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(tripsOut)
	size := min(max(len(drafts)/tripsOut+1, createdPerTrip), recordsPerTrip)
	for part := range slices.Chunk(drafts, size) {
		group.Go(func() error {
			for _, d := range part {
				q.prepareDraft(d, now)
			}
			return q.inTrips(groupCtx, askable(part), q.records.Look)
		})
	}
	return group.Wait()
}

func (q *Queue) prepareDraft(d *draft, now time.Time) {
	if d.err != nil {
		return
	}
	if d.policy.Ends == callTime {
		d.policy.Margin = q.recordingRetention
	}
	d.prepare(now, q.keys)
}

// askable returns those of drafts that may be known by their key.
func askable(drafts []*draft) []*draft {
	return where(drafts, func(d *draft) bool { return d.err == nil && d.options.keyed })
}

// where returns those of drafts that a rule holds for.
func where(drafts []*draft, holds func(*draft) bool) (those []*draft) {
	for _, d := range drafts {
		if holds(d) {
			those = append(those, d)
		}
	}
	return those
}

// lookUp refuses what must not be recorded. A batch with a wrong item is refused before any of it
// is, and all that is wrong is told at once: so it finds out which keys are known. A single task is
// told that by its record; only where it breaks a rule that holds for new keys alone, its key is
// looked up. A task without a key of its own is new without asking.
func (q *Queue) lookUp(ctx context.Context, drafts []*draft, now time.Time) error {
	if len(drafts) == 1 {
		if err := q.lookUpOne(ctx, drafts[0], now); err != nil {
			return err
		}
		return batchError(drafts)
	}
	refuseReused(askable(drafts))
	if err := q.checkNew(ctx, drafts, now); err != nil {
		return err
	}
	return batchError(drafts)
}

func (q *Queue) lookUpOne(ctx context.Context, d *draft, now time.Time) error {
	if d.err != nil {
		return nil //nolint:nilerr // it is told with the batch
	}
	d.record.Unseen = d.options.keyed
	one := []*draft{d}
	if err := q.checkNew(ctx, one, now); err != nil || d.err == nil || !d.options.keyed {
		return err
	}
	asNew := d.err
	d.err, d.record.Unseen = nil, false
	if err := q.inTrips(ctx, one, q.records.Look); err != nil {
		return err
	}
	refuseReused(one)
	if d.found.Verdict == record.Absent {
		d.err = asNew
	}
	return nil
}

// checkNew applies the rules for new tasks to those that are not known.
func (q *Queue) checkNew(ctx context.Context, drafts []*draft, now time.Time) error {
	for _, d := range drafts {
		if d.err == nil && d.found.Verdict != record.Same {
			d.checkTimes(now)
		}
	}
	return q.lookUpBinds(ctx, drafts)
}

func (q *Queue) record(ctx context.Context, drafts []*draft) error {
	// One that is over is found already; to open it again in the index would tell its outcome again.
	open := where(drafts, func(d *draft) bool { return !d.found.State.Told() })
	if err := q.draw(ctx, open); err != nil {
		return err
	}
	for _, part := range inOrder(open) {
		if err := q.create(ctx, part); err != nil {
			return err
		}
	}
	refuseReused(drafts) // of a batch: recorded by somebody else a moment ago
	return nil
}

// inOrder returns drafts in the parts that are recorded one after the other: binds before the
// unbinds that name them.
func inOrder(drafts []*draft) [][]*draft {
	afterBind := func(d *draft) bool { return d.afterBind }
	if !slices.ContainsFunc(drafts, afterBind) {
		return [][]*draft{drafts}
	}
	binds := where(drafts, func(d *draft) bool { return !d.afterBind })
	return [][]*draft{binds, where(drafts, afterBind)}
}

// create records drafts and hands over what is new, in several round trips at once where there are
// many.
func (q *Queue) create(ctx context.Context, drafts []*draft) error {
	if len(drafts) <= createdPerTrip {
		return q.createTrip(ctx, drafts)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(tripsOut)
	for trip := range slices.Chunk(drafts, createdPerTrip) {
		group.Go(func() error { return q.createTrip(groupCtx, trip) })
	}
	return group.Wait()
}

func (q *Queue) createTrip(ctx context.Context, drafts []*draft) error {
	handovers := make([]*record.Handover, len(drafts))
	for i, d := range drafts {
		if err := q.handOver(ctx, d); err != nil {
			return err
		}
		handovers[i] = d.record.Handover
	}
	dispatch.AnnounceOnce(handovers)
	return q.inTrips(ctx, drafts, q.records.Create)
}

// inTrips runs a step on the records of drafts, some hundreds in one round trip.
func (q *Queue) inTrips(
	ctx context.Context,
	drafts []*draft,
	step func(context.Context, []*record.New) ([]record.Created, error),
) error {
	for trip := range slices.Chunk(drafts, recordsPerTrip) {
		records := make([]*record.New, len(trip))
		for i, d := range trip {
			records[i] = &d.record
		}
		err := q.again(ctx, func() error {
			found, err := step(ctx, records)
			for i := range found {
				trip[i].found = found[i]
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// again repeats a step whose reply may have been lost: each finds what an earlier try of it left.
func (q *Queue) again(ctx context.Context, step func() error) error {
	err := dispatch.Again(ctx, step)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return q.unreachable(err)
}

// tellKnown tells whoever asked which keys were known.
func tellKnown(drafts []*draft) {
	for _, d := range drafts {
		if d.options.ifKnown == nil || d.found.Verdict != record.Same {
			continue
		}
		state := StatePending
		if d.found.State.Told() {
			state = State(d.found.State)
		}
		d.options.ifKnown(state)
	}
}

// refuseReused marks what was found under a key that is another request's.
func refuseReused(drafts []*draft) {
	for _, d := range drafts {
		switch d.found.Verdict {
		case record.Conflict:
			d.err = &KeyReusedError{ID: d.record.ID, Differs: d.found.Differs}
		case record.Unknowable:
			d.err = fmt.Errorf("task %s: %w: it was recorded with keys, and whether this request is the same cannot "+
				"be told without them: give this process the keys (Config.Keys, DYPLSQ_KEYS_FILE)", d.record.ID, ErrUndecryptable)
		default:
		}
	}
}

// refuseSameKeyTwice marks the items of a batch that itself uses a key for two requests.
func refuseSameKeyTwice(drafts []*draft) {
	first := make(map[string]*draft, len(drafts))
	for _, d := range drafts {
		if d.err != nil || !d.options.keyed {
			continue
		}
		other, seen := first[d.record.ID]
		if !seen {
			first[d.record.ID] = d
			continue
		}
		if differs := d.record.Fingerprint.Differs(other.record.Fingerprint); len(differs) > 0 {
			d.err = fmt.Errorf("in this batch: %w", &KeyReusedError{ID: d.record.ID, Differs: differs})
		}
	}
}

func batchError(drafts []*draft) error {
	var items []*ItemError
	for i, d := range drafts {
		if d.err != nil {
			items = append(items, &ItemError{Index: i, Err: d.err})
		}
	}
	if items == nil {
		return nil
	}
	return &BatchError{Items: items}
}
