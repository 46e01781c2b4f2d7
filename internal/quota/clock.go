package worker

import "time"

// distantClock tells the time of Redis' clock, as far as the questions put to it have shown it.
type distantClock struct {
	base   time.Time     // by this process's monotonic clock
	offset time.Duration // of Redis' clock, since the epoch, at base
	blur   time.Duration // how far off offset may be
	set    time.Time
}

// drift is by how much two clocks may part within a second.
const drift = time.Millisecond

func newDistantClock() distantClock {
	now := time.Now()
	return distantClock{base: now, offset: time.Duration(now.UnixNano()), blur: time.Hour, set: now}
}

// micros is a moment by Redis' clock.
func (c *distantClock) micros(at time.Time) int64 { return (c.offset + at.Sub(c.base)).Microseconds() }

// until is how long it takes until a moment of Redis' clock.
func (c *distantClock) until(micros int64) time.Duration {
	return time.Duration(micros)*time.Microsecond - c.offset - time.Since(c.base)
}

// learn takes in that Redis' clock showed a time between two moments. The narrowest look counts, until it is old; one that
// contradicts it counts at once: the clock is another one.
func (c *distantClock) learn(asked, answered time.Time, micros int64) {
	blur := answered.Sub(asked) / 2 //nolint:mnd // half the way
	offset := time.Duration(micros)*time.Microsecond - asked.Add(blur).Sub(c.base)
	known := c.blur + time.Duration(answered.Sub(c.set).Seconds()*float64(drift))
	if apart := (offset - c.offset).Abs(); blur <= known || apart > blur+known {
		c.offset, c.blur, c.set = offset, blur, answered
	}
}
