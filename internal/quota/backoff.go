package quota

import "time"

const (
	// backoffMost is how far ahead a time is suggested: the rate may be another by then.
	backoffMost = time.Minute
	// backoffTwice is how many are asked to come for each token that is expected, so that none is left
	// because somebody is late.
	backoffTwice = 2
	// backoffSpread is added: asynq counts in seconds, and looks twice in each.
	backoffSpread = 400 * time.Millisecond
)

// Backoff tells one who was sent away when to come back: as many do in a second as may call then,
// about, and not all at once.
func (b *Bucket) Backoff() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	rate := b.ownRate()
	now := time.Now()
	if b.booked.Before(now) {
		b.booked = now
	}
	if b.booked.Before(now.Add(backoffMost)) {
		b.booked = b.booked.Add(time.Duration(float64(time.Second) / (backoffTwice * rate)))
	} else {
		return backoffMost/2 + spread(backoffMost/2) //nolint:mnd // the later half
	}
	return b.booked.Sub(now) + spread(backoffSpread)
}

// WaitFor is how long it takes about until the last of so many has a token.
func (b *Bucket) WaitFor(n int) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Duration(float64(n) / b.ownRate() * float64(time.Second))
}

// ownRate is how many calls a second this worker may make, of those of all. The caller holds the
// lock.
func (b *Bucket) ownRate() float64 {
	if b.allotment.rate == 0 {
		return b.start
	}
	return b.allotment.rate / float64(max(b.allotment.workers, 1))
}
