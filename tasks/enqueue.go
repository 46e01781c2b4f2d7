package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	recordsPerTrip = 500
	createdPerTrip = 100 // so that one trip is made ready while Redis is busy with others
	tripsOut       = 3
	tries          = 3
)

// enqueue takes drafts through the steps, each for all of them: check, record, deliver.
func (q *Queue) enqueue(ctx context.Context, drafts []*draft) ([]string, error) {
	if q.invalid != nil {
		return nil, q.invalid
	}
	now := q.now()
	for _, d := range drafts {
		if d.policy.Ends == callTime {
			d.policy.Margin = q.recordingRetention
		}
		d.prepare(now)
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
	return ids, err // with an error, too: a part may be queued, and these ids are the keys under which nothing doubles
}

// lookUp finds out which keys are known, so that a batch with a wrong item is refused before any of it is recorded, and
// all that is wrong is told at once. A task without a key of its own is new without asking.
func (q *Queue) lookUp(ctx context.Context, drafts []*draft, now time.Time) error {
	keyed := slices.DeleteFunc(slices.Clone(drafts), func(d *draft) bool { return d.err != nil || !d.options.keyed })
	if err := q.inTrips(ctx, keyed, q.records.Look); err != nil {
		return err
	}
	for _, d := range drafts {
		switch {
		case d.found.Verdict == record.Conflict:
			d.err = keyReused(d)
		case d.found.Verdict != record.Same:
			d.checkTimes(now)
		}
	}
	if err := q.lookUpBinds(ctx, drafts); err != nil {
		return err
	}
	return batchError(drafts)
}

func (q *Queue) record(ctx context.Context, drafts []*draft) error {
	// One that is over is found already; to open it again in the index would tell its outcome again.
	open := slices.DeleteFunc(slices.Clone(drafts), func(d *draft) bool { return d.found.State.Told() })
	if err := q.draw(ctx, open); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(tripsOut)
	for trip := range slices.Chunk(open, createdPerTrip) {
		group.Go(func() error {
			for _, d := range trip {
				if err := q.handOver(groupCtx, d); err != nil {
					return err
				}
			}
			return q.inTrips(groupCtx, trip, q.records.Create)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, d := range drafts {
		if d.found.Verdict == record.Conflict { // recorded by somebody else a moment ago
			d.err = keyReused(d)
		}
	}
	return nil
}

// inTrips runs a step on the records of drafts, some hundreds in one round trip.
func (q *Queue) inTrips(ctx context.Context, drafts []*draft, step func(context.Context, []record.New) ([]record.Created, error)) error {
	for trip := range slices.Chunk(drafts, recordsPerTrip) {
		records := make([]record.New, len(trip))
		for i, d := range trip {
			records[i] = d.record
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
	var err error
	for range tries {
		err = step()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, answered := errors.AsType[redis.Error](err); answered {
			break
		}
		if _, short := errors.AsType[*record.ShortageError](err); short {
			break
		}
	}
	return unreachable(err)
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

func keyReused(d *draft) error {
	return &KeyReusedError{ID: d.record.ID, Differs: d.record.Fingerprint.Differs(d.found.Fingerprint)}
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
