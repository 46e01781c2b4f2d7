// Package reaper is the reconciler of all workers: it finds what was left half-way, and sets it
// going again.
package reaper

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Config says what a [Reaper] needs.
type Config struct {
	Redis      redis.UniversalClient
	Records    record.Store
	Queue      *tasks.Queue
	Dispatch   *dispatch.Dispatcher
	Log        zerolog.Logger
	ClaimLease time.Duration // of a run's claim
	AfterClaim time.Duration // added to the rest of a claim before its record is visited again
	// Keep is for how long a record is kept that has its outcome, KeepStream an outcome in the stream.
	// Another may hold by and by.
	Keep, KeepStream func() time.Duration
	// Sample is called once a minute by whoever sweeps; nil for nothing.
	Sample func(context.Context) error
}

// Reaper finds what was left half-way and sets it going again: tasks without a delivery, claims of
// workers that died, outcomes and surplus bindings that nobody was told of, and what stands still
// in asynq. One at a time sweeps, of all workers. Whatever it does may be done twice, or beside a
// live worker: the record decides.
//
// A sweep that finds nothing costs some fifty commands in six round trips, and one in four a
// hundred. One open record that is due costs three commands, pipelined: a read, a look at its
// delivery, and a new time.
type Reaper struct {
	Config

	token   string
	timing  timing
	steps   stepWatch
	renewed time.Time // when the lock was asked for last
	trimmed time.Time // when the stream was trimmed last, and a sample taken
	pruning record.Pruning

	sweeps    int
	pruneLeft bool // of the last look into the catalog, something is left to be dropped

	locked time.Time // when it was last said that a surplus binding does not open
}

// timing: a sweep starts this often, over all workers; each worker tries to be the one, within try
// of when the lock is free; and whoever sweeps holds the lock so long from each step on, so that a
// sweep whose worker died holds nobody up for long.
type timing struct{ every, try, lock time.Duration }

// trimEvery is how often whoever sweeps takes old outcomes off the stream.
const trimEvery = time.Minute

// sayEvery is how often it is said at most that a sweep was cut short, or that a
// surplus binding does not open.
const sayEvery = 10 * time.Second

var defaultTiming = timing{every: 5 * time.Second, try: time.Second, lock: 10 * time.Second}

// New returns the reaper of one worker.
func New(c Config) *Reaper {
	return &Reaper{Config: c, token: uuid.NewString(), timing: defaultTiming}
}

// Run sweeps until ctx is done.
func (r *Reaper) Run(ctx context.Context) {
	var said time.Time
	var rest time.Duration
	for {
		jitter := rand.N(r.timing.try) //nolint:gosec // spreads load; guards nothing
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(rest, r.timing.every) + r.timing.try/2 + jitter):
		}
		var err error
		rest, err = r.sweep(ctx)
		if err != nil && !errors.Is(err, errLockLost) && ctx.Err() == nil && time.Since(said) > sayEvery {
			said = time.Now()
			r.Log.Warn().Err(err).Msg("sweep interrupted; retrying")
		}
	}
}

// Sweep sweeps, if it is time and nobody else does.
func (r *Reaper) Sweep(ctx context.Context) error {
	_, err := r.sweep(ctx)
	return err
}

// sweep is Sweep, and returns how long nobody sweeps from now on, 0 where that is not known.
func (r *Reaper) sweep(ctx context.Context) (rest time.Duration, err error) {
	mine, held, err := r.lock(ctx)
	if err != nil || !mine {
		return held, err
	}
	started := time.Now()
	err = r.sweepLocked(ctx)
	if ctx.Err() != nil {
		r.unlock(ctx)
		return 0, ctx.Err()
	}
	// Kept for the rest of the interval, so that nobody else sweeps before it is over.
	rest = max(r.timing.every-time.Since(started), time.Millisecond)
	return rest, errors.Join(err, r.extendLock(ctx, rest))
}

func (r *Reaper) sweepLocked(ctx context.Context) error {
	if err := r.followClock(ctx); err != nil {
		return err
	}
	if err := r.repairQueues(ctx); err != nil {
		return err
	}
	if err := r.sweepOpen(ctx); err != nil {
		return err
	}
	if err := r.sweepCatalog(ctx); err != nil {
		return err
	}
	if time.Since(r.trimmed) < trimEvery {
		return nil
	}
	r.trimmed = time.Now()
	if err := r.renewLock(ctx); err != nil {
		return err
	}
	_, err := r.Records.Trim(ctx, r.KeepStream())
	if r.Sample != nil && ctx.Err() == nil {
		err = errors.Join(err, r.Sample(ctx))
	}
	return err
}

func (r *Reaper) repaired(id, what string) {
	r.Log.Warn().Str("id", id).Msg(what)
}
