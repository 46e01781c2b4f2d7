package worker

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// reaperLock says who sweeps. It never looks like a record's key, which begins with dypls:{ whatever the id.
const reaperLock = "dypls:reaper"

// errLockLost ends a sweep: this process stood still for so long that another one sweeps.
var errLockLost = errors.New("another worker sweeps")

var (
	//go:embed lua/lock.lua
	lockLua    string
	lockScript = redis.NewScript(lockLua)
)

func (r *reaper) lock(ctx context.Context) (bool, error) {
	mine, err := r.redis.SetNX(ctx, reaperLock, r.token, r.timing.lock).Result()
	if err != nil {
		return false, fmt.Errorf("lock: %w", err)
	}
	return mine, nil
}

// hold keeps the lock for the next step.
func (r *reaper) hold(ctx context.Context) error { return r.holdFor(ctx, r.timing.lock) }

func (r *reaper) holdFor(ctx context.Context, d time.Duration) error {
	mine, err := lockScript.Run(ctx, r.redis, []string{reaperLock}, r.token, d.Milliseconds()).Bool()
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	if !mine {
		return errLockLost
	}
	return nil
}

// unlock lets another worker sweep at once. Where that fails, the lock lapses.
func (r *reaper) unlock(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	_ = lockScript.Run(ctx, r.redis, []string{reaperLock}, r.token, 0).Err()
}
