package tasks

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	// Timeout is how long asynq lets one delivery run. A worker's HTTP timeout must be well below it.
	Timeout = time.Minute
	// maxRetry is asynq's, and far above any number of attempts: those are counted in the record.
	maxRetry = 1_000_000

	deliveriesOut = 256 // they share round trips
)

// deliver hands what has no outcome to asynq. A delivery that is there already is left alone, so that a task whose
// producer died half-way is delivered by the next Enqueue of its key.
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
			return err
		}
	case left != nil:
		if err := q.deliverMany(ctx, left); err != nil {
			return err
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

// putTogether makes the deliveries of new tasks in few round trips, as far as that works at the first try.
func (q *Queue) putTogether(ctx context.Context, drafts []*draft) error {
	fresh := slices.DeleteFunc(slices.Clone(drafts), func(d *draft) bool { return d.found.Verdict != record.IsNew })
	for trip := range slices.Chunk(fresh, recordsPerTrip) {
		pipeline, made := q.redis.Pipeline(), make([]*redis.Cmd, len(trip))
		for i, d := range trip {
			first, err := q.deliveryCommands(ctx, d, q.Place(ctx, d.policy.Queue, d.record.ID), 1, d.found.ProcessAt)
			if err != nil {
				return err
			}
			if first.script != nil {
				made[i] = first.queue(ctx, pipeline, first.script.alone.EvalSha)
			}
		}
		_, _ = pipeline.Exec(ctx) // each command has its own error
		for i, d := range trip {
			d.found.HandedOver = made[i] != nil && made[i].Err() == nil && made[i].Val() == int64(1)
		}
	}
	return nil
}

// deliverOne makes a task's delivery, unless it is there. One that asynq has archived is there no longer: its record
// was kept for its time and is gone, and this is a new task under the same id; or a person archived it.
func (q *Queue) deliverOne(ctx context.Context, d *draft) error {
	for delivery := d.found.Delivery; delivery > 0; {
		queue, err := q.queueFor(ctx, d, delivery)
		if err != nil {
			return err
		}
		there, err := q.put(ctx, d, queue, delivery)
		if err != nil || !there {
			return err
		}
		archived, err := q.isArchived(ctx, queue, asynqwire.DeliveryID(d.record.ID, delivery))
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

// queueFor is the queue that a delivery is to be in: where it is, if it may be somewhere.
func (q *Queue) queueFor(ctx context.Context, d *draft, delivery int64) (string, error) {
	if d.found.Verdict == record.IsNew {
		return q.Place(ctx, d.policy.Queue, d.record.ID), nil
	}
	return q.holder(ctx, d.policy.Queue, d.record.ID, asynqwire.DeliveryID(d.record.ID, delivery))
}

// Redeliver makes the next delivery of a task whose n-th is over although the task needs one: it was never handed to asynq, its
// worker died, or somebody archived it. It reports whether it made one: a task that is performed by a run whose claim
// holds, settled or unknown needs none. To ask twice makes one delivery.
func (q *Queue) Redeliver(ctx context.Context, id string, over int64) (bool, error) {
	opened, err := q.records.Opened(ctx, id)
	if err != nil {
		return false, q.unreachable(err)
	}
	kind, known := Lookup(opened[0].Action)
	if !known { // unknown, or left for a newer version
		return false, nil
	}
	var delivery int64
	err = q.again(ctx, func() error {
		delivery, err = q.records.Redeliver(ctx, id, over)
		return err
	})
	if err != nil || delivery == 0 {
		return false, err
	}
	d := &draft{action: kind.action, policy: kind.policy, record: record.New{ID: id, Account: opened[0].Account}}
	if opened[0].State == record.Queued {
		d.found.ProcessAt = opened[0].ProcessAt
	}
	there, err := q.put(ctx, d, q.Place(ctx, kind.Queue(), id), delivery)
	return !there, err
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

// put hands one delivery to asynq, in a queue, and tells whether one of its number was there.
func (q *Queue) put(ctx context.Context, d *draft, queue string, n int64) (there bool, err error) {
	made, err := q.deliveryCommands(ctx, d, queue, n, d.found.ProcessAt)
	if err != nil {
		return false, err
	}
	err = q.again(ctx, func() (err error) {
		if made.script == nil {
			there, err = q.putByAsynq(ctx, d, queue, n)
		} else {
			there, err = made.send(ctx, q.redis)
		}
		return err
	})
	return there, err
}

// send makes the delivery, and tells whether it was there.
func (d deliveryCommands) send(ctx context.Context, client redis.UniversalClient) (there bool, err error) {
	for _, run := range []runScript{d.script.alone.EvalSha, d.script.alone.Eval} {
		var made *redis.Cmd
		_, _ = client.Pipelined(ctx, func(p redis.Pipeliner) error { // the script's own error tells
			made = d.queue(ctx, p, run)
			return nil
		})
		if n, err := made.Int64(); !redis.HasErrorPrefix(err, "NOSCRIPT") {
			return n == 0, err
		}
	}
	return false, err
}

type runScript func(context.Context, redis.Scripter, []string, ...any) *redis.Cmd

// queue puts the commands into a pipeline, and returns the script's.
func (d deliveryCommands) queue(ctx context.Context, p redis.Pipeliner, run runScript) *redis.Cmd {
	made := run(ctx, p, d.keys, d.args...)
	for _, args := range d.behind {
		p.Do(ctx, args...)
	}
	return made
}

// putByAsynq is for an asynq whose script is another one.
func (q *Queue) putByAsynq(ctx context.Context, d *draft, queue string, n int64) (there bool, err error) {
	_, err = q.asynq.EnqueueContext(ctx, d.task(), d.deliveryOptions(queue, n, d.found.ProcessAt, q.now())...)
	if errors.Is(err, asynq.ErrTaskIDConflict) {
		return true, nil
	}
	return false, err
}

func (d *draft) deliveryOptions(queue string, delivery int64, at, now time.Time) []asynq.Option {
	options := []asynq.Option{
		asynq.Queue(queue), asynq.TaskID(asynqwire.DeliveryID(d.record.ID, delivery)),
		asynq.MaxRetry(maxRetry), asynq.Timeout(Timeout),
	}
	if at.After(now) {
		// asynq schedules by the second and rounds down.
		options = append(options, asynq.ProcessAt(at.Add(time.Second-time.Nanosecond).Truncate(time.Second)))
	}
	return options
}
