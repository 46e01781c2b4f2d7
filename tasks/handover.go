package tasks

import (
	"context"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/autopipeline"
	"github.com/seed-5c07c2e9/dyplsq/internal/sendonce"
)

// handover lets a task that is new leave together with its record: asynq is asked for the script that enqueues it, which then
// follows the record in the same round trip. Whether the record was new is told afterwards; a delivery too many does no harm.
type handover struct{ redis.Hook }

type handoverKey struct{}

// enqueuing returns a client for asynq on the same connections, and whether it hands over. Commands of concurrent callers
// share round trips, because asynq enqueues one task at a time. A cluster's client hands nothing over, as the task and its record
// are in different slots; it is kept from sending scripts again.
func enqueuing(client redis.UniversalClient) (redis.UniversalClient, bool) { //nolint:ireturn // what asynq takes
	single, ok := client.(*redis.Client)
	if !ok {
		sendonce.Install(client)
		return client, false
	}
	own := single.WithTimeout(single.Options().ReadTimeout)
	pipeline := autopipeline.New(own)
	own.AddHook(handover{pipeline})
	own.AddHook(pipeline)
	return own, true
}

// ProcessHook implements [redis.Hook]: a script that somebody wants to have is not sent.
func (handover) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		wanted, want := ctx.Value(handoverKey{}).(*[]any)
		script, is := cmd.(*redis.Cmd)
		if !want || !is || cmd.Name() != "evalsha" {
			return next(ctx, cmd)
		}
		*wanted = cmd.Args()
		script.SetVal(int64(1))
		return nil
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (handover) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// DialHook implements [redis.Hook].
func (handover) DialHook(next redis.DialHook) redis.DialHook { return next }

// handOver has the first delivery of a draft leave with its record, where nothing was found under its id.
func (q *Queue) handOver(ctx context.Context, d *draft) error {
	d.record.Then = nil
	if !q.handsOver || d.found.State != "" {
		return nil
	}
	var script []any
	options := d.deliveryOptions(q.Place(ctx, d.policy.Queue, d.record.ID), 1, d.record.ProcessAt, q.now())
	_, err := q.asynq.EnqueueContext(context.WithValue(ctx, handoverKey{}, &script), d.task(), options...)
	if err != nil {
		return unreachable(err)
	}
	d.record.Then = script
	return nil
}

// handedOver reports whether that delivery is with asynq.
func (d *draft) handedOver() bool {
	if d.found.Then == nil {
		return false
	}
	n, err := d.found.Then.Int()
	return err == nil && n == 1
}

func (d *draft) task() *asynq.Task {
	return asynq.NewTask(asynqwire.TypePrefix+d.action, asynqwire.NewPayload(d.record.ID, d.record.Account).Encode())
}
