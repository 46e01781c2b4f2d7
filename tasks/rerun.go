package tasks

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// Rerun lets a task that failed run again, with all its attempts and its deadline, and notes who
// asked for it. It reports whether the task is to run; one that has not failed is left alone.
// Whoever asks makes its delivery: one that is lost, the workers make within half a minute.
func (q *Queue) Rerun(ctx context.Context, id, by string) (bool, error) {
	var found record.State
	err := q.again(ctx, func() (err error) {
		found, err = q.records.Reopen(ctx, id, by)
		return err
	})
	return found == record.Queued, err
}

// ErrNotFailed: only a task that failed can be tried again under its key.
var ErrNotFailed = errors.New("the task has not failed")

// Retry lets a task that failed run again as Rerun does, and delivers it. An uncertain one, whose
// call may have taken effect, is not tried again: see [ResolveRetry]. Errors: [ErrNotFailed],
// [ErrOtherAction], [ErrUnknownTask], [ErrUndecryptable], [ErrUnreachable], and ctx's.
func (q *Queue) Retry(ctx context.Context, id, by string) error {
	task, kind, err := q.read(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case task.State != record.Failed:
		return fmt.Errorf("task %s: %w: it is %s", id, ErrNotFailed, task.State)
	case task.Undecryptable != nil:
		return undecryptable(task)
	case len(task.Request) == 0:
		return fmt.Errorf("task %s: %w: its request is no longer kept", id, ErrNotFailed)
	}
	wanted, err := q.Rerun(ctx, id, by)
	if err != nil {
		return err
	}
	if !wanted {
		return fmt.Errorf("task %s: %w any more: somebody else came first", id, ErrNotFailed)
	}
	opened, err := q.records.Opened(ctx, id)
	if err != nil {
		return q.failure(ctx, err)
	}
	delivery := dispatch.Delivery{
		Action: task.Action, ID: id, Account: task.Account, Number: opened[0].Delivery,
	}
	err = q.put(ctx, delivery, func(number int64) (string, error) {
		return q.dispatch.Holder(ctx, kind.Queue(), id, number)
	})
	if err != nil {
		return q.failure(ctx, err)
	}
	return nil
}
