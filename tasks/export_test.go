package tasks

import "time"

// SetClock replaces a queue's clock.
func SetClock(q *Queue, now func() time.Time) { q.now = now }
