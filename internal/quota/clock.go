package quota

import "time"

// serverClock tells the time of Redis' clock, as far as the questions put to it have shown it.
type serverClock struct {
	base        time.Time     // by this process's monotonic clock
	offset      time.Duration // of Redis' clock, since the epoch, at base
	uncertainty time.Duration // how far off offset may be
	set         time.Time
}

// drift is by how much two clocks may part within a second.
const drift = time.Millisecond

func newServerClock() serverClock {
	now := time.Now()
	return serverClock{
		base:        now,
		offset:      time.Duration(now.UnixNano()),
		uncertainty: time.Hour,
		set:         now,
	}
}

// micros is a moment by Redis' clock.
func (c *serverClock) micros(at time.Time) int64 {
	return (c.offset + at.Sub(c.base)).Microseconds()
}

// until is how long it takes until a moment of Redis' clock.
func (c *serverClock) until(micros int64) time.Duration {
	return time.Duration(micros)*time.Microsecond - c.offset - time.Since(c.base)
}

// learn takes in that Redis' clock showed a time between two moments. The narrowest look counts,
// until it is old; one that contradicts it counts at once: the clock is another one.
func (c *serverClock) learn(asked, answered time.Time, micros int64) {
	uncertainty := answered.Sub(asked) / 2 //nolint:mnd // half the way
	offset := time.Duration(micros)*time.Microsecond - asked.Add(uncertainty).Sub(c.base)
	known := c.uncertainty + time.Duration(answered.Sub(c.set).Seconds()*float64(drift))
	if apart := (offset - c.offset).Abs(); uncertainty <= known || apart > uncertainty+known {
		c.offset, c.uncertainty, c.set = offset, uncertainty, answered
	}
}
