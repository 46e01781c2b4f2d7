package worker

import (
	"context"
	"errors"
	"strings"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// byDashboard is who lets a failed task run again by asynq's own means.
const byDashboard = "asynq"

// onSettled ends the run of a task that has its outcome. A second delivery, or an echo, changes
// nothing. But a person may have told asynq to run a task that it had archived: one that failed is
// run again, one that is uncertain never is.
func (d *delivery) onSettled(ctx context.Context) error {
	if d.begun.State != record.Failed && d.begun.State != record.Uncertain {
		return &endedError{}
	}
	var r record.Record
	asked := false
	err := d.worker.untilWritten(ctx, d.id, "rerun", func(ctx context.Context) error {
		records, err := d.worker.records.Read(ctx, d.id)
		if err != nil {
			return err
		}
		r = records[0]
		asked, err = d.rerunRequested()
		return err
	})
	switch {
	case err != nil:
		return &endedError{later(redisAway, "redis is out of reach")}
	case r.State == record.Uncertain && asked:
		d.log().Warn().
			Str("id", d.id).
			Str("action", d.kind.action).
			Msg("uncertain task not rerun; settle it with dyplsq resolve")
		return &endedError{archivedError{uncertainPrefix + d.id}}
	case r.State == record.Failed && asked:
		return d.rerun(ctx, r)
	case r.State.Told():
		return &endedError{
			archive(r.Code, dypls.Class(r.Class)),
		} // so that it stays where a dashboard shows it
	}
	return &endedError{later(redisAway, "its record has changed")}
}

// uncertainPrefix begins what a dashboard shows of an uncertain task that somebody wanted to run.
const uncertainPrefix = "uncertain, not run: it may have taken effect. Settle it: dyplsq resolve "

// rerunRequested reports whether asynq had archived this delivery after an attempt of ours: what it
// remembers of the latest failure is then the error string that we returned for it. A delivery that
// only came twice has others, or none.
func (d *delivery) rerunRequested() (bool, error) {
	info, err := d.worker.inspector.GetTaskInfo(d.queue, d.taskID)
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	return strings.HasPrefix(info.LastErr, uncertainPrefix) ||
		archivedText.MatchString(info.LastErr), nil
}

// rerun lets a failed task run again, in this very delivery, which asks for leave to call once
// more.
func (d *delivery) rerun(ctx context.Context, r record.Record) error {
	var found record.State
	err := d.worker.untilWritten(ctx, d.id, "reopen", func(ctx context.Context) (err error) {
		found, err = d.worker.records.Reopen(ctx, d.id, byDashboard)
		return err
	})
	if err != nil || found != record.Queued {
		return &endedError{archive(r.Code, dypls.Class(r.Class))}
	}
	d.log().Warn().
		Str("id", d.id).
		Str("action", d.kind.action).
		Str("code", r.Code).
		Msg("failed task rerun on request")
	return d.begin(ctx)
}

// staleDelivery makes another delivery in the place of this one, which was left behind by an
// earlier task of the same key, of another action or account: with it the task would be called in
// the wrong way, or with the wrong credentials.
func (d *delivery) staleDelivery(ctx context.Context) error {
	d.log().Warn().
		Str("id", d.id).
		Str("action", d.kind.action).
		Msg("stale delivery of an earlier task with this key; replaced")
	if asynqwire.IDOfDelivery(d.taskID) != d.id {
		return nil
	}
	number := asynqwire.NumberOfDelivery(d.taskID)
	if _, err := d.worker.dispatch.Redeliver(ctx, d.id, number); err != nil {
		return later(redisAway, "redis is out of reach")
	}
	return nil
}
