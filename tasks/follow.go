package tasks

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	// followBatch is how many outcomes are fetched at once.
	followBatch = 64
	// followBlock is how long one read waits for news: a read that waits does not end with its
	// context.
	followBlock = time.Second
	// deadAfter is when what a consumer has not acknowledged is handed to another one of its group; a
	// live one keeps what it has with keepEvery.
	deadAfter  = time.Minute
	keepEvery  = deadAfter / 3
	claimEvery = deadAfter / 4
	// firstRefusal is when what was refused is offered again, twice as late each time, up to
	// lastRefusal.
	firstRefusal = time.Second
	lastRefusal  = time.Minute
	ackTimeout   = 3 * time.Second
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
// settled.
//
// Errors: [ErrUnreachable] at the start, later it is waited out; [ErrClosed]; and ctx's.
func (q *Queue) Follow(
	ctx context.Context,
	group, consumer string,
	handle func(context.Context, Outcome) error,
	options ...FollowOption,
) error {
	f := &follower{
		queue:    q,
		redis:    q.redis,
		group:    group,
		consumer: consumer,
		handle:   handle,
		refusal:  firstRefusal,
	}
	for _, set := range options {
		set(f)
	}
	if group == "" || consumer == "" {
		return errors.New(
			"follow: group and consumer must not be empty: name the service, and this process of it",
		)
	}
	if err := f.join(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		err := f.round(ctx)
		switch {
		case ctx.Err() != nil:
			continue
		case q.closed(), errors.Is(err, redis.ErrClosed):
			return errEnded
		case err == nil:
			continue
		case strings.HasPrefix(err.Error(), "NOGROUP"): // Redis has lost it, with its stream
			_ = f.join(ctx)
		}
		f.replay(time.Now()) // what the round did not get to
		select {
		case <-ctx.Done():
		case <-time.After(rereadAfter):
		}
	}
	return ctx.Err()
}

// follower is one consumer of a group.
type follower struct {
	queue           *Queue
	redis           redis.UniversalClient
	group, consumer string
	handle          func(context.Context, Outcome) error
	since           time.Time

	// when to read again what this consumer has not acknowledged; zero for at once
	replayAt time.Time
	claimAt  time.Time     // when to look for consumers that are gone
	refusal  time.Duration // until what is refused next is offered again
	refused  bool          // something was, since the last replay
}

// never is later than any process lives.
const never = 100 * 365 * 24 * time.Hour

// join makes the group, where there is none.
func (f *follower) join(ctx context.Context) error {
	start := "0"
	if !f.since.IsZero() {
		start = strconv.FormatInt(max(f.since.UnixMilli()-1, 0), 10)
	}
	err := f.redis.XGroupCreateMkStream(ctx, record.Stream, f.group, start).Err()
	if err != nil && strings.HasPrefix(err.Error(), "BUSYGROUP") {
		err = nil
		if !f.since.IsZero() {
			err = f.redis.XGroupSetID(ctx, record.Stream, f.group, start).Err()
		}
	}
	f.since = time.Time{} // once
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return f.queue.unreachable(fmt.Errorf("follow: %w", err))
	}
	return nil
}

// round replays, claims and reads news, each when it is its time.
func (f *follower) round(ctx context.Context) error {
	if !time.Now().Before(f.replayAt) {
		if err := f.unfinished(ctx); err != nil {
			return err
		}
	}
	if !time.Now().Before(f.claimAt) {
		if err := f.orphaned(ctx); err != nil {
			return err
		}
		f.claimAt = time.Now().Add(claimEvery)
	}
	entries, err := f.read(ctx, ">", max(min(followBlock, time.Until(f.replayAt)), time.Millisecond))
	if err != nil {
		return err
	}
	return f.batch(ctx, entries)
}

// replay has what is not acknowledged read again, at a time unless it is to be sooner.
func (f *follower) replay(at time.Time) {
	if at.Before(f.replayAt) {
		f.replayAt = at
	}
}

// unfinished hands over what this consumer has not acknowledged: before it was restarted, or
// because it was refused.
func (f *follower) unfinished(ctx context.Context) error {
	f.refused, f.replayAt = false, time.Now().Add(never)
	const history = -1 // what is asked for is there or not: nothing to wait for
	for cursor := "0"; ; {
		entries, err := f.read(ctx, cursor, history)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			break
		}
		cursor = entries[len(entries)-1].ID
		if err := f.batch(ctx, entries); err != nil {
			return err
		}
	}
	if !f.refused {
		f.refusal = firstRefusal
	}
	return nil
}

// orphaned takes over what consumers that are gone have not acknowledged.
func (f *follower) orphaned(ctx context.Context) error {
	for cursor := "0-0"; ; {
		entries, next, err := f.redis.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream:   record.Stream,
			Group:    f.group,
			Consumer: f.consumer,
			MinIdle:  deadAfter,
			Start:    cursor,
			Count:    followBatch,
		}).Result()
		if err != nil {
			return err
		}
		if err := f.batch(ctx, entries); err != nil {
			return err
		}
		if cursor = next; next == "0-0" || next == "" {
			return nil
		}
	}
}

// read returns entries after a cursor: ">" for those that no consumer of the group was given.
func (f *follower) read(
	ctx context.Context,
	cursor string,
	block time.Duration,
) ([]redis.XMessage, error) {
	streams, err := f.redis.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group:    f.group,
		Consumer: f.consumer,
		Streams:  []string{record.Stream, cursor},
		Count:    followBatch,
		Block:    block,
	}).Result()
	if errors.Is(err, redis.Nil) || err == nil && len(streams) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return streams[0].Messages, nil
}
