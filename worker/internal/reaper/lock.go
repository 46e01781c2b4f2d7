package reaper

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// unlockTimeout bounds the try to give the lock up, which lapses otherwise.
const unlockTimeout = 3 * time.Second

// renewals are how often a lock is renewed at most while it would last.
const renewals = 10

// lockKey says who sweeps. It never looks like a record's key, which begins with dypls:{ whatever
// the id.
const lockKey = "dypls:reaper"

// errLockLost ends a sweep: this process stood still for so long that another one sweeps.
var errLockLost = errors.New("another worker sweeps")

var (
	//go:embed lua/acquire.lua
	acquireLua string
	//go:embed lua/lock.lua
	lockLua       string
	acquireScript = redis.NewScript(acquireLua)
	lockScript    = redis.NewScript(lockLua)
)

// lock takes the lock, and returns how long it is held, by this worker or by another.
func (r *Reaper) lock(ctx context.Context) (mine bool, held time.Duration, err error) {
	asked := time.Now()
	reply, err := acquireScript.Run(
		ctx, r.Redis, []string{lockKey}, r.token, r.timing.lock.Milliseconds(),
	).Int64Slice()
	if err != nil {
		return false, 0, fmt.Errorf("lock: %w", err)
	}
	r.steps.observe(asked, time.Now(), time.UnixMilli(reply[1]))
	r.renewed = asked
	return reply[0] == 1, time.Duration(reply[2]) * time.Millisecond, nil
}

// renewLock keeps the lock for the next step. A lock that was renewed a moment ago lasts for it.
func (r *Reaper) renewLock(ctx context.Context) error {
	asked := time.Now()
	if asked.Sub(r.renewed) < r.timing.lock/renewals {
		return nil
	}
	r.renewed = asked
	return r.extendLock(ctx, r.timing.lock)
}

func (r *Reaper) extendLock(ctx context.Context, d time.Duration) error {
	mine, err := lockScript.Run(ctx, r.Redis, []string{lockKey}, r.token, d.Milliseconds()).Bool()
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if !mine {
		return errLockLost
	}
	return nil
}

// unlock lets another worker sweep at once. Where that fails, the lock lapses.
func (r *Reaper) unlock(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
	defer cancel()
	_ = lockScript.Run(ctx, r.Redis, []string{lockKey}, r.token, 0).Err()
}
