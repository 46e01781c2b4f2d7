package worker

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// reaper finds what was left half-way and sets it going again: tasks without a delivery, claims of workers that died,
// outcomes and surplus bindings that nobody was told of, and what stands still in asynq. One at a time sweeps, of all
// workers. Whatever it does may be done twice, or beside a live worker: the record decides.
//
// A sweep that finds nothing costs about fifty commands in five round trips. One open record that is due costs three
// commands, pipelined: a read, a look at its delivery, and a new time.
type reaper struct {
	redis   redis.UniversalClient
	records record.Store
	queue   *tasks.Queue
	log     zerolog.Logger
	keep    time.Duration // of the stream
	kept    time.Duration // of a record that has its outcome
	token   string
	lease   time.Duration // of a claim
	timing  reaperTiming
	steps   stepWatch
}

// reaperTiming: a sweep starts this often, over all workers; each worker tries to be the one; and whoever sweeps holds the
// lock so long from each step on, so that a sweep whose worker died holds nobody up for long.
type reaperTiming struct{ every, try, lock time.Duration }

var defaultReaperTiming = reaperTiming{every: 5 * time.Second, try: time.Second, lock: 10 * time.Second}

func (w *Worker) newReaper() *reaper {
	return &reaper{
		redis: w.config.client, records: w.records, queue: w.queue, keep: w.config.KeepStream, kept: w.config.Keep, token: uuid.NewString(),
		lease: w.timing.claimLease,
		log:   w.log.With().Str("component", "reaper").Logger(), timing: defaultReaperTiming,
	}
}

// run sweeps until ctx is done.
func (r *reaper) run(ctx context.Context) {
	var said time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.timing.try/2 + rand.N(r.timing.try)): //nolint:gosec // spreads load; guards nothing
		}
		err := r.turn(ctx)
		if err != nil && !errors.Is(err, errLockLost) && ctx.Err() == nil && time.Since(said) > sayEvery {
			said = time.Now()
			r.log.Warn().Err(err).Msg("the sweep was cut short: trying again")
		}
	}
}

// turn sweeps, if it is time and nobody else does.
func (r *reaper) turn(ctx context.Context) error {
	mine, err := r.lock(ctx)
	if err != nil || !mine {
		return err
	}
	started := time.Now()
	err = r.sweep(ctx)
	if ctx.Err() != nil {
		r.unlock(ctx)
		return ctx.Err()
	}
	// Kept for the rest of the interval, so that nobody else sweeps before it is over.
	return errors.Join(err, r.holdFor(ctx, max(r.timing.every-time.Since(started), time.Millisecond)))
}

func (r *reaper) sweep(ctx context.Context) error {
	if err := r.followClock(ctx); err != nil {
		return err
	}
	if err := r.repairQueues(ctx); err != nil {
		return err
	}
	if err := r.sweepOpen(ctx); err != nil {
		return err
	}
	if err := r.hold(ctx); err != nil {
		return err
	}
	_, err := r.records.Trim(ctx, r.keep)
	return err
}

func (r *reaper) repaired(id, what string) {
	r.log.Warn().Str("id", id).Msg(what)
}
