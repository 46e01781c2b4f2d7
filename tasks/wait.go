package tasks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	// rereadAfter is when a read that failed while waiting is tried again. Waiting itself never reads without being woken but on a cluster.
	rereadAfter = 500 * time.Millisecond
	// A cluster loses a wake-up now and then, such as while a slot moves: what is still waited for is read again after so long, then
	// after twice as long, and so on.
	firstDoubt, mostDoubt = 2 * time.Second, 30 * time.Second
)

// Wait waits until ctx is done for a task's outcome. Its errors are [ErrUnknownTask], [ErrUnreachable] and ctx's.
func (q *Queue) Wait(ctx context.Context, id string) (Outcome, error) {
	var outcome Outcome
	err := q.WaitAll(ctx, []string{id}, func(o Outcome) { outcome = o })
	if err == nil && outcome.State == StateUnknown {
		err = fmt.Errorf("task %s: %w", id, ErrUnknownTask)
	}
	return outcome, err
}

// WaitAll waits until ctx is done for the outcomes of tasks, and passes each on as it comes, one at a time. One that is
// not recorded has [StateUnknown]. Redis out of reach is an error at the start; later it is waited out.
func (q *Queue) WaitAll(ctx context.Context, ids []string, each func(Outcome)) error {
	waiting := make(map[string]struct{}, len(ids))
	for _, id := range ids {
		waiting[id] = struct{}{}
	}
	if len(waiting) == 0 {
		return nil
	}
	w, stop, err := q.mailbox.watch(ctx, ids)
	if err != nil {
		return err
	}
	defer stop()
	if err := q.collect(ctx, waiting, slices.Collect(maps.Keys(waiting)), each); err != nil {
		return err
	}
	var again <-chan time.Time
	missed := false // a read failed: everything is to be read again
	patience := firstDoubt
	doubt := q.mailbox.doubt(patience)
	for len(waiting) > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.ended:
			return errEnded
		case <-w.wake:
		case <-again:
		case <-doubt:
			missed, patience = true, min(2*patience, mostDoubt)
			doubt = q.mailbox.doubt(patience)
		}
		stale, all := w.take()
		if all || missed {
			stale = slices.Collect(maps.Keys(waiting))
		}
		err := q.collect(ctx, waiting, stale, each)
		missed, again = errors.Is(err, ErrUnreachable), nil
		switch {
		case missed:
			again = time.After(rereadAfter)
		case err != nil:
			return err
		}
	}
	return nil
}

// collect reads ids that are still waited for, and passes on those that have an outcome.
func (q *Queue) collect(ctx context.Context, waiting map[string]struct{}, ids []string, each func(Outcome)) error {
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
