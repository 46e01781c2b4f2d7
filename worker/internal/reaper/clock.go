package reaper

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// sweptKey is when the latest sweep was, by Redis' clock. It never looks like a record's key,
	// which begins with dypls:{ whatever the id.
	sweptKey = "dypls:reaper:swept"
	// sweptFor is how long that is known: longer than all workers are away for.
	sweptFor = 48 * time.Hour
	// clockSlack is how much of a step nobody notices, and nothing depends on.
	clockSlack = time.Second
)

// moment is one moment by two clocks. What Redis writes, claims and the index, is compared with
// Redis' clock. What asynq's processes write, leases and when a task is due, is compared with a
// process' own, of which Redis' may be an hour off.
type moment struct{ redis, own time.Time }

// onRedis is the time of Redis' clock at a time of the processes' clocks.
func (m moment) onRedis(own time.Time) time.Time { return m.redis.Add(own.Sub(m.own)) }

// stepWatch notices that Redis' clock is put forward between two looks at it. The monotonic clock
// tells how long that was.
type stepWatch struct {
	asked, answered time.Time // of the latest look; the zero time for none
	shown           time.Time
	forward         time.Time // when it was noticed last, the zero time for never
}

// observe takes in what Redis' clock showed between two moments.
func (s *stepWatch) observe(asked, answered, shown time.Time) {
	if !s.asked.IsZero() && shown.Sub(s.shown) > answered.Sub(s.asked)+clockSlack {
		s.forward = answered
	}
	s.asked, s.answered, s.shown = asked, answered, shown
}

// doubtful is for how much longer a claim that has lapsed may be one that holds: the clock was put
// forward while it did.
func (s *stepWatch) doubtful(lease time.Duration) time.Duration {
	if s.forward.IsZero() {
		return 0
	}
	return max(lease-time.Since(s.forward), 0)
}

// followClock has the index move up where Redis' clock was put back since the latest sweep: what
// was to be looked at in half a minute would have to wait for as long as it went back.
func (r *Reaper) followClock(ctx context.Context) error {
	var clock *redis.TimeCmd
	var last *redis.StringCmd
	_, err := r.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		clock, last = p.Time(ctx), p.Get(ctx, sweptKey)
		return nil
	})
	if clock.Err() != nil {
		return fmt.Errorf("follow the clock: %w", err)
	}
	now := clock.Val()
	if swept, err := last.Int64(); err == nil {
		if back := time.UnixMilli(swept).Sub(now); back > clockSlack {
			r.Log.Warn().
				Stringer("by", back.Round(time.Second)).
				Msg("Redis clock moved back; index entries due as much sooner")
			if err := r.Records.MoveUp(ctx, now, back); err != nil {
				return err
			}
		}
	}
	if err := r.Redis.Set(ctx, sweptKey, now.UnixMilli(), sweptFor).Err(); err != nil {
		return fmt.Errorf("follow the clock: %w", err)
	}
	return nil
}
