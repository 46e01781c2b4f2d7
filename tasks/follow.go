package tasks

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/consumergroup"
)

const (
	// followBatch is how many outcomes are fetched at once.
	followBatch = 64
	// deadAfter is when what a consumer has not acknowledged is handed to another one of its group; a
	// live one keeps what it has.
	deadAfter = time.Minute
)

// FollowOption changes where [Queue.Follow] begins.
type FollowOption func(*follower)

// Since moves the whole group: every outcome that is kept and was told at t or later is handed out
// again.
func Since(t time.Time) FollowOption {
	return func(f *follower) { f.since = t }
}

// Follow hands every outcome to handle, until ctx is done: those of all tasks, whoever enqueued
// them, at least once, in the order in which they were told as long as all goes well. Outcomes are
// kept for it for 24 hours (a worker's StreamRetention).
//
// The consumers of a group share its outcomes; each group gets all of them. A group that is new
// begins with the oldest that is kept. A consumer's name should be its own, and the same after a
// restart: it is then first given what it had not finished. What a consumer that is gone had not
// finished goes to the others after a minute.
//
// When handle returns nil the outcome is acknowledged; after an error it is offered again, later
// and later up to a minute. The outcome is what the record says when it is handed over: one that is
// no longer kept has [StateUnknown]; one that was uncertain and has been settled since comes twice,
// settled; one whose key is missing waits, like one that handle refuses.
//
// Errors: [ErrUnreachable] at the start, later it is waited out; [ErrClosed]; and ctx's.
func (q *Queue) Follow(
	ctx context.Context,
	group, consumer string,
	handle func(context.Context, Outcome) error,
	options ...FollowOption,
) error {
	if group == "" || consumer == "" {
		return errors.New(
			"follow: group and consumer must not be empty: name the service, and this process of it",
		)
	}
	var f follower
	for _, set := range options {
		set(&f)
	}
	reader := &consumergroup.Reader{
		Group: q.group(group, consumer), Count: followBatch, Replays: true,
	}
	reader.Handle = func(ctx context.Context, entries []redis.XMessage) error {
		return q.handOutcomes(ctx, reader, entries, handle)
	}
	if err := reader.Join(ctx); err != nil {
		return q.failure(ctx, err)
	}
	if !f.since.IsZero() {
		if err := reader.MoveTo(ctx, f.since); err != nil {
			return q.failure(ctx, err)
		}
	}
	following, stop := context.WithCancel(ctx)
	defer stop()
	// where the queue is closed, and its client is not
	defer context.AfterFunc(q.mailbox.ctx, stop)() //nolint:contextcheck // the queue's own
	_ = reader.Run(following)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errEnded
}

// follower is where somebody who follows begins.
type follower struct{ since time.Time }

// handOutcomes hands outcomes over, one after the other. One that is pending again is told
// again when it is settled.
func (q *Queue) handOutcomes(
	ctx context.Context,
	reader *consumergroup.Reader,
	entries []redis.XMessage,
	handle func(context.Context, Outcome) error,
) error {
	outcomes, locked, err := q.outcomesOf(ctx, entries)
	if err != nil {
		return err
	}
	return reader.Each(ctx, entries, func(i int) (taken bool, err error) {
		if locked[i] {
			return false, nil
		}
		if !outcomes[i].isTold() {
			return q.isOver(entries[i]), nil
		}
		return handle(ctx, outcomes[i]) == nil, nil
	})
}
