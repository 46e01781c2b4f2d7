package consumergroup

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// looks are how often what is overdue is looked for within the time that something may be idle.
	looks = 4
	// A read that failed is tried again after a pause, twice as long each time.
	firstPause = 100 * time.Millisecond
	mostPause  = 2 * time.Second
	// firstRefusal is when what was refused is handed over again, twice as late each time, up to
	// lastRefusal.
	firstRefusal = time.Second
	lastRefusal  = time.Minute
	// never is later than any process lives.
	never = 100 * 365 * 24 * time.Hour
)

// Reader hands the entries of a group over, each at least once.
type Reader struct {
	Group
	// Count is how many are read at once.
	Count int
	// Replays has the consumer be given again what it has not acknowledged: at the start, after an
	// error, and later and later after a refusal. Otherwise that waits until it is overdue.
	Replays bool
	// Handle is handed entries, and acknowledges them, as [Reader.Each] does. After an error, what it
	// did not get to is handed over again.
	Handle func(ctx context.Context, entries []redis.XMessage) error
	// Failed is told of errors that are waited out. It may be nil.
	Failed func(error)

	replayAt time.Time     // when to read again what is not acknowledged; zero for at once
	claimAt  time.Time     // when to look for what is overdue
	refusal  time.Duration // until what is refused next is handed over again
	refused  bool          // something was, since the last replay
}

// Run hands entries over until ctx is done or the client is closed, and returns that error. Other
// errors are waited out. A group that is not there, because it is new or
// Redis has lost it, is made.
func (r *Reader) Run(ctx context.Context) error {
	r.replayAt, r.refusal = time.Now().Add(never), firstRefusal
	r.replay(0)
	for pause := firstPause; ctx.Err() == nil; {
		err := r.round(ctx)
		if isGone(err) {
			err = r.Join(ctx)
		}
		switch {
		case err == nil:
			pause = firstPause
			continue
		case ctx.Err() != nil:
			continue
		case errors.Is(err, redis.ErrClosed):
			return err
		}
		if r.Failed != nil {
			r.Failed(err)
		}
		r.claimAt = time.Time{}
		r.replay(0) // what the round did not get to
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, mostPause)
	}
	return ctx.Err()
}

// round replays, takes over and reads news, each when it is its time.
func (r *Reader) round(ctx context.Context) error {
	if !time.Now().Before(r.replayAt) {
		if err := r.unfinished(ctx); err != nil {
			return err
		}
	}
	if !time.Now().Before(r.claimAt) {
		if err := r.takeOver(ctx); err != nil {
			return err
		}
		r.claimAt = time.Now().Add(r.Idle / looks)
	}
	wait := max(min(block, time.Until(r.replayAt)), time.Millisecond)
	entries, err := r.read(ctx, ">", r.Count, wait)
	if err != nil || len(entries) == 0 {
		return err
	}
	return r.Handle(ctx, entries)
}

// replay has what is not acknowledged read again after a time, unless it is to be sooner.
func (r *Reader) replay(after time.Duration) {
	if at := time.Now().Add(after); r.Replays && at.Before(r.replayAt) {
		r.replayAt = at
	}
}

// unfinished hands over what this consumer has not acknowledged: before it was restarted, or
// because it was refused.
func (r *Reader) unfinished(ctx context.Context) error {
	r.refused, r.replayAt = false, time.Now().Add(never)
	for after := First; ; {
		entries, err := r.read(ctx, after, r.Count, noBlock)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			break
		}
		after = entries[len(entries)-1].ID
		if err := r.Handle(ctx, entries); err != nil {
			return err
		}
	}
	if !r.refused {
		r.refusal = firstRefusal
	}
	return nil
}

// takeOver hands over what is overdue.
func (r *Reader) takeOver(ctx context.Context) error {
	for from := First; from != ""; {
		entries, next, err := r.overdue(ctx, from, r.Count)
		if err == nil && len(entries) > 0 {
			err = r.Handle(ctx, entries)
		}
		if err != nil {
			return err
		}
		from = next
	}
	return nil
}

// Refuse has what Handle did not acknowledge handed over again: the longer it goes on, the
// later. It is for Handle alone.
func (r *Reader) Refuse() {
	if !r.refused {
		r.refused = true
		r.replay(r.refusal)
		r.refusal = min(2*r.refusal, lastRefusal)
	}
}
