package httpapi

import (
	"sync/atomic"
	"time"
)

// throttle lets something happen now and then.
type throttle struct {
	every time.Duration
	last  atomic.Int64 // Unix nanoseconds
}

// may reports whether it may happen now.
func (t *throttle) may(now time.Time) bool {
	last := t.last.Load()
	return now.UnixNano()-last >= t.every.Nanoseconds() && t.last.CompareAndSwap(last, now.UnixNano())
}
