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
	//go:embed lua/acquire.lua
	acquireLua string
	//go:embed lua/lock.lua
	lockLua       string
	acquireScript = redis.NewScript(acquireLua)
	lockScript    = redis.NewScript(lockLua)
)

func (r *reaper) lock(ctx context.Context) (bool, error) {
	asked := time.Now()
	reply, err := acquireScript.Run(ctx, r.redis, []string{reaperLock}, r.token, r.timing.lock.Milliseconds()).Int64Slice()
	if err != nil {
		return false, fmt.Errorf("lock: %w", err)
	}
	r.steps.look(asked, time.Now(), time.UnixMilli(reply[1]))
	return reply[0] == 1, nil
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
