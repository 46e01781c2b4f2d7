package tasks

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// ErrNotCancelable: a call of the task is out, or may have taken effect, or the task is over.
var ErrNotCancelable = errors.New("too late to cancel")

// Cancel withdraws a task before its call leaves: it fails as dyplsq.Canceled. That it was
// withdrawn before is no error. Errors: [ErrNotCancelable], [ErrUnknownTask], [ErrUnreachable], and
// ctx's.
func (q *Queue) Cancel(ctx context.Context, id string) error {
	var found record.State
	err := q.again(ctx, func() error {
		var err error
		found, err = q.records.Cancel(ctx, id, q.retention)
		return err
	})
	switch {
	case err != nil:
		return err
	case found == record.Canceled:
		q.tellOver(ctx, id)
		return nil
	case found == "":
		return fmt.Errorf("task %s: %w", id, ErrUnknownTask)
	case found == record.Calling, found == record.Looking:
		return fmt.Errorf("task %s: %w: its call is out", id, ErrNotCancelable)
	case found == record.Doubtful:
		return fmt.Errorf(
			"task %s: %w: an earlier call may have taken effect; wait for its outcome",
			id,
			ErrNotCancelable,
		)
	}
	return fmt.Errorf("task %s: %w: it is %s", id, ErrNotCancelable, found)
}
