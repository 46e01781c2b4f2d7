package tasks

import (
	"context"

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
