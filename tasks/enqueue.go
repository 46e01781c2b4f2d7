package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	// Timeout is how long asynq lets one delivery run. A worker's HTTP timeout must be well below it.
	Timeout = time.Minute
	// maxRetry is asynq's, and far above any number of attempts: those are counted in the record.
	maxRetry = 1_000_000

	recordsPerTrip = 500
	deliveriesOut  = 32
	tries          = 3
)

// enqueue takes drafts through the steps, each for all of them: check, record, deliver.
func (q *Queue) enqueue(ctx context.Context, drafts []*draft) ([]string, error) {
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
	if err := q.record(ctx, drafts); err != nil {
		return nil, err
	}
	if err := q.deliver(ctx, drafts); err != nil {
		return nil, err
	}
	ids := make([]string, len(drafts))
	for i, d := range drafts {
		ids[i] = d.record.ID
	}
	return ids, nil
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
	return batchError(drafts)
}

func (q *Queue) record(ctx context.Context, drafts []*draft) error {
	if err := q.inTrips(ctx, drafts, q.records.Create); err != nil {
		return err
	}
	for _, d := range drafts {
		if d.found.Verdict == record.Conflict { // recorded by somebody else a moment ago
			d.err = keyReused(d)
		}
	}
	return nil
}

// deliver hands what has no outcome to asynq. A delivery that is there already is left alone, so that a task whose
// producer died half-way is delivered by the next Enqueue of its key.
func (q *Queue) deliver(ctx context.Context, drafts []*draft) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(deliveriesOut)
	for _, d := range drafts {
		if d.err != nil || d.found.State.Told() || d.found.State == record.Calling {
			continue
		}
		group.Go(func() error { return q.deliverOne(groupCtx, d) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return batchError(drafts)
}

// deliverOne makes a task's delivery, unless it is there. One that asynq has archived is there no longer: its record
// was kept for its time and is gone, and this is a new task under the same id; or a person archived it.
func (q *Queue) deliverOne(ctx context.Context, d *draft) error {
	for delivery := d.found.Delivery; delivery > 0; {
		there, err := q.put(ctx, d, delivery)
		if err != nil || !there {
			return err
		}
		archived, err := q.isArchived(ctx, d.policy.Queue, deliveryID(d.record.ID, delivery))
		if err != nil || !archived {
			return err // put by an earlier try whose reply was lost, or by another Enqueue; perhaps performed since
		}
		over := delivery
		err = q.again(ctx, func() error {
			delivery, err = q.records.Redeliver(ctx, d.record.ID, over)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (q *Queue) isArchived(ctx context.Context, queue, taskID string) (archived bool, err error) {
	err = q.again(ctx, func() error {
		info, err := q.inspector.GetTaskInfo(queue, taskID)
		archived = err == nil && info.State == asynq.TaskStateArchived
		if errors.Is(err, asynq.ErrTaskNotFound) || errors.Is(err, asynq.ErrQueueNotFound) {
			return nil
		}
		return err
	})
	return archived, err
}

// put hands one delivery to asynq, and tells whether one of its number was there.
func (q *Queue) put(ctx context.Context, d *draft, delivery int64) (there bool, err error) {
	task := asynq.NewTask(TypePrefix+d.action, Payload{payloadVersion, d.record.ID}.Encode())
	options := []asynq.Option{
		asynq.Queue(d.policy.Queue), asynq.TaskID(deliveryID(d.record.ID, delivery)),
		asynq.MaxRetry(maxRetry), asynq.Timeout(Timeout),
	}
	if at := d.found.ProcessAt; at.After(q.now()) {
		// asynq schedules by the second and rounds down.
		options = append(options, asynq.ProcessAt(at.Add(time.Second-time.Nanosecond).Truncate(time.Second)))
	}
	err = q.again(ctx, func() error {
		_, err := q.asynq.EnqueueContext(ctx, task, options...)
		if there = errors.Is(err, asynq.ErrTaskIDConflict); there {
			return nil
		}
		return err
	})
	return there, err
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
	}
	return unreachable(err)
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
