package worker

import "time"

const (
	// bookedMost is how far ahead turns are told: the rate may be another by then.
	bookedMost = time.Minute
	// bookedTwice is how many are told to come for each slot that is expected, so that none is left because somebody is late.
	bookedTwice = 2
	// crowdSpread is added: asynq counts in seconds, and looks twice in each.
	crowdSpread = 400 * time.Millisecond
)

// book tells one who was sent away when to come back: as many do in a second as may call then, about, and not all at once.
func (b *budget) book() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	rate := b.share()
	now := time.Now()
	if b.booked.Before(now) {
		b.booked = now
	}
	if b.booked.Before(now.Add(bookedMost)) {
		b.booked = b.booked.Add(time.Duration(float64(time.Second) / (bookedTwice * rate)))
	} else {
		return bookedMost/2 + spread(bookedMost/2) //nolint:mnd // the later half
	}
	return b.booked.Sub(now) + spread(crowdSpread)
}

// turnAfter is how long it takes about until the last of so many has had its turn.
func (b *budget) turnAfter(n int) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Duration(float64(n) / b.share() * float64(time.Second))
}

// share is how many calls a second this worker may make, of those of all. The caller holds the lock.
func (b *budget) share() float64 {
	if b.stock.rate == 0 {
		return b.start
	}
	return b.stock.rate / float64(max(b.stock.workers, 1))
}
