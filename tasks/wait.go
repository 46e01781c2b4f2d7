package tasks

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/refusal"
)

// rereadAfter is when a read that failed while waiting is tried again.
const rereadAfter = 500 * time.Millisecond

// refusedReads are the reads that a refusal has to last for: a slot that moves, or a rule that is
// set anew, refuses one in passing.
const refusedReads = 3

// Wait waits until ctx is done for a task's outcome. Its errors are [ErrUnknownTask],
// [ErrUndecryptable], beside the rest of the outcome, [ErrUnreachable], [ErrRefused] and ctx's.
func (q *Queue) Wait(ctx context.Context, id string) (Outcome, error) {
	var outcome Outcome
	err := q.WaitAll(ctx, []string{id}, func(o Outcome) { outcome = o })
	if err == nil {
		err = outcome.notThere()
	}
	return outcome, err
}

// WaitAll waits until ctx is done for the outcomes of tasks, and passes each on as it comes, one at
// a time. One that is not recorded has [StateUnknown]. Redis out of reach is an error at the start;
// later it is waited out, save for a refusal that lasts, such as a wrong password ([RefusedError]).
func (q *Queue) WaitAll(ctx context.Context, ids []string, each func(Outcome)) error {
	waiting := make(map[string]struct{}, len(ids))
	for _, id := range ids {
		waiting[id] = struct{}{}
	}
	if len(waiting) == 0 {
		return nil
	}
	stale := slices.Collect(maps.Keys(waiting))
	w, err := q.mailbox.watch(stale)
	if err != nil {
		return err
	}
	defer q.mailbox.unwatch(w)
	told := func(o Outcome) {
		q.mailbox.forget(w, o.ID)
		each(o)
	}
	refused := 0
	for first := true; ; first = false {
		var again <-chan time.Time
		err := q.collect(ctx, waiting, stale, told)
		switch {
		case errors.Is(err, ErrUnreachable) && !first && q.mayPass(err, &refused):
			again = time.After(rereadAfter)
		case err != nil:
			return err
		case len(waiting) == 0:
			return nil
		default:
			stale = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-q.mailbox.ctx.Done():
			return errEnded
		case <-w.wake:
		case <-again:
		}
		stale = append(stale, q.mailbox.take(w)...)
	}
}

// mayPass reports whether waiting may mend an error. A refusal that lasts may pass until there were
// refusedReads in a row.
func (q *Queue) mayPass(err error, refused *int) bool {
	if !refusal.Lasts(q.redis, err) {
		*refused = 0
		return true
	}
	*refused++
	return *refused < refusedReads
}

// collect reads ids that are still waited for, and passes on those that have an outcome.
func (q *Queue) collect(
	ctx context.Context,
	waiting map[string]struct{},
	ids []string,
	each func(Outcome),
) error {
	ids = slices.DeleteFunc(ids, func(id string) bool {
		_, open := waiting[id]
		return !open
	})
	if len(ids) == 0 {
		return nil
	}
	outcomes, err := q.Outcomes(ctx, ids...)
	if err != nil {
		return err
	}
	for _, o := range outcomes {
		if _, open := waiting[o.ID]; open && o.State != StatePending {
			delete(waiting, o.ID)
			each(o)
		}
	}
	return nil
}
