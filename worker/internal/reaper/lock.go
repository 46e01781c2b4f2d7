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

// lockKey says who sweeps. It never looks like a record's key, which begins with dypls:{ whatever the id.
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

func (r *Reaper) lock(ctx context.Context) (bool, error) {
	asked := time.Now()
	reply, err := acquireScript.Run(ctx, r.Redis, []string{lockKey}, r.token, r.timing.lock.Milliseconds()).Int64Slice()
	if err != nil {
		return false, fmt.Errorf("lock: %w", err)
	}
	r.steps.observe(asked, time.Now(), time.UnixMilli(reply[1]))
	return reply[0] == 1, nil
}

// renewLock keeps the lock for the next step.
func (r *Reaper) renewLock(ctx context.Context) error { return r.extendLock(ctx, r.timing.lock) }

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
