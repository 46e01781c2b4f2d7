package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

const (
	// Timeout is how long asynq lets one delivery run. A worker's HTTP timeout must be well below it.
	Timeout = time.Minute
	// maxRetry is asynq's, and far above any number of attempts: those are counted in the record.
	maxRetry = 1_000_000
)

// Delivery is one delivery of a task.
type Delivery struct {
	Action, ID string
	Account    string // "" for the worker's own
	Number     int64
	At         time.Time // when it is due; the zero time for at once
}

func (d Delivery) task() *asynq.Task {
	return asynq.NewTask(asynqwire.TypePrefix+d.Action, asynqwire.NewPayload(d.ID, d.Account).Encode())
}

func (d Delivery) options(queue string, now time.Time) []asynq.Option {
	options := []asynq.Option{
		asynq.Queue(queue),
		asynq.TaskID(asynqwire.DeliveryID(d.ID, d.Number)),
		asynq.MaxRetry(maxRetry),
		asynq.Timeout(Timeout),
	}
	if d.At.After(now) {
		// asynq schedules by the second and rounds down.
		options = append(
			options,
			asynq.ProcessAt(d.At.Add(time.Second-time.Nanosecond).Truncate(time.Second)),
		)
	}
	return options
}

// Put hands a delivery to asynq, in a queue, and tells whether one of its number was there.
func (d *Dispatcher) Put(
	ctx context.Context,
	queue string,
	delivery Delivery,
) (there bool, err error) {
	made, err := d.commands(ctx, queue, delivery)
	if err != nil {
		return false, err
	}
	err = Again(ctx, func() (err error) {
		if made.script == nil {
			there, err = d.putByAsynq(ctx, queue, delivery)
		} else {
			there, err = made.send(ctx, d.Redis)
		}
		return err
	})
	return there, err
}

// PutTogether hands deliveries to asynq in one round trip, each in the place of its task, as far as
// that works at the first try, and tells which were made.
func (d *Dispatcher) PutTogether(ctx context.Context, deliveries []Delivery) ([]bool, error) {
	pipeline := d.Redis.Pipeline()
	cmds, made := make([]*redis.Cmd, len(deliveries)), make([]bool, len(deliveries))
	for i, delivery := range deliveries {
		queue, _ := d.QueueOf(delivery.Action)
		first, err := d.commands(ctx, d.Place(ctx, queue, delivery.ID), delivery)
		if err != nil {
			return nil, err
		}
		if first.script != nil {
			cmds[i] = first.queue(ctx, pipeline, first.script.alone.EvalSha)
		}
	}
	_, _ = pipeline.Exec(ctx) // each command has its own error
	for i, cmd := range cmds {
		made[i] = cmd != nil && cmd.Err() == nil && cmd.Val() == int64(1)
	}
	return made, nil
}

// send makes the delivery, and tells whether it was there.
func (c commands) send(ctx context.Context, client redis.UniversalClient) (there bool, err error) {
	for _, run := range []runScript{c.script.alone.EvalSha, c.script.alone.Eval} {
		var made *redis.Cmd
		_, _ = client.Pipelined(ctx, func(p redis.Pipeliner) error { // the script's own error tells
			made = c.queue(ctx, p, run)
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
func (c commands) queue(ctx context.Context, p redis.Pipeliner, run runScript) *redis.Cmd {
	made := run(ctx, p, c.keys, c.args...)
	p.Do(ctx, c.announce.Command()...)
	return made
}

// putByAsynq is for an asynq whose script is another one.
func (d *Dispatcher) putByAsynq(
	ctx context.Context,
	queue string,
	delivery Delivery,
) (there bool, err error) {
	_, err = d.asynq.EnqueueContext(ctx, delivery.task(), delivery.options(queue, d.Now())...)
	if errors.Is(err, asynq.ErrTaskIDConflict) {
		return true, nil
	}
	return false, err
}
