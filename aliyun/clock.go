package aliyun

import (
	"fmt"
	"time"
)

const (
	// maxAge is how long after a call was noted its first byte may leave.
	maxAge = 2 * time.Second
	// clockTolerance is how far a clock may seem to run backwards: the step of an ordinary correction.
	clockTolerance = time.Second
)

// instant is one moment on two clocks. Either alone can be fooled: the monotonic clock stands still
// while a virtual machine is suspended, and the wall clock can be set back.
type instant struct {
	wall time.Time     // without a monotonic reading
	mono time.Duration // since the clock's base
}

type clock struct {
	base time.Time // what the monotonic readings count from
	read func() instant
}

func systemClock() *clock {
	base := time.Now()
	return &clock{base: base, read: func() instant {
		now := time.Now()
		return instant{wall: now.Round(0), mono: now.Sub(base)}
	}}
}

// noted places a time that a caller took on both clocks; the zero time is now.
func (c *clock) noted(t time.Time, now instant) instant {
	wall := t.Round(0)
	switch {
	case t.IsZero():
		return now
	// Not Equal: whether there is no monotonic reading, and the wall clock's opinion is all there is.
	case t == wall: //nolint:staticcheck // see above
		return instant{wall: wall, mono: now.mono - now.wall.Sub(wall)}
	}
	return instant{wall: wall, mono: t.Sub(c.base)}
}

// age returns the greater of the two ages, and an error unless both allow a byte to leave.
func (i instant) age(now instant) (time.Duration, error) {
	wall, mono := now.wall.Sub(i.wall), now.mono-i.mono
	if max(wall, mono) > maxAge || min(wall, mono) < -clockTolerance {
		return 0, fmt.Errorf(
			"the call was noted %v ago by the wall clock and %v ago by the monotonic one; its first byte had to leave within %v",
			wall.Round(time.Millisecond),
			mono.Round(time.Millisecond),
			maxAge,
		)
	}
	return max(wall, mono), nil
}
