package sendonce

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Command is a command that the client does not send again, whatever its settings. Whoever wraps
// one up follows TRYAGAIN.
type Command struct{ redis.Cmder }

// NoRetry implements [redis.Cmder].
func (Command) NoRetry() bool { return true }

// The pauses before what was answered with TRYAGAIN is sent again: 10 ms, doubled each time, two
// and a half seconds in all. Keys of one slot are apart while the slot moves, which may take
// longer: then whoever sent it is told.
const (
	firstPause = 10 * time.Millisecond
	pauses     = 8
)

// RefusedForNow are the commands that were answered with TRYAGAIN: their keys are apart while their
// slot moves.
func RefusedForNow[C redis.Cmder](cmds []C) (refused []C) {
	for _, cmd := range cmds {
		if redis.IsTryAgainError(cmd.Err()) {
			refused = append(refused, cmd)
		}
	}
	return refused
}

// Pause waits before what was answered with TRYAGAIN is sent again, n times so far. It returns
// false where that is not to be done any more.
func Pause(ctx context.Context, n int) bool {
	if n >= pauses {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(firstPause << n):
		return true
	}
}
