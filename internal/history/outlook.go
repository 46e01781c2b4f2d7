package history

import "time"

const (
	// least is how much of a day must be known before anything is said of a trend, and leastRows in
	// how many samples.
	least     = 6 * time.Hour
	leastRows = 12
	// farthest is how far ahead a trend says anything.
	farthest = 365 * 24 * time.Hour
)

// Outlook is how a pool goes.
type Outlook struct {
	// Known tells that there is a trend: at least 6 hours of the last day are known.
	Known bool
	Of    time.Duration // the stretch that the trend is of: a day at most
	// PerHour is how many numbers more were taken each hour: leased, bound or resting. Less than 0
	// where some came back.
	PerHour float64
	// Empty is when no number is free if that goes on: the zero time where none is taken more, or
	// not within a year.
	Empty time.Time
}

// OutlookOf tells how a pool goes, by rows of [Pools] of the last day. It compares the last hour
// that is known with the first one, which a day's ups and downs do not change where that is a day,
// and counts what is taken, which numbers that are imported or removed do not change.
func OutlookOf(pool string, rows []Row) Outlook {
	var known []Row
	for _, r := range rows {
		if _, is := r.Values[pool]; is && rows[len(rows)-1].At.Sub(r.At) <= day {
			known = append(known, r)
		}
	}
	if len(known) < leastRows {
		return Outlook{}
	}
	first, last := known[0], known[len(known)-1]
	o := Outlook{Of: last.At.Sub(first.At)}
	if o.Of < least {
		return Outlook{Of: o.Of}
	}
	o.Known = true
	fromAt, from := meanTaken(pool, known, first.At, first.At.Add(time.Hour))
	tillAt, till := meanTaken(pool, known, last.At.Add(-time.Hour), last.At)
	o.PerHour = (till - from) / tillAt.Sub(fromAt).Hours()
	free := last.Values.Of(pool, Free)
	switch hours := float64(free) / o.PerHour; {
	case free == 0:
		o.Empty = last.At
	case o.PerHour > 0 && hours < farthest.Hours():
		o.Empty = last.At.Add(time.Duration(hours * float64(time.Hour)))
	}
	return o
}

// meanTaken is how many numbers were taken between two moments, and in the middle of which.
func meanTaken(pool string, rows []Row, from, till time.Time) (at time.Time, taken float64) {
	var n float64
	var offset time.Duration
	for _, r := range rows {
		if r.At.Before(from) || r.At.After(till) {
			continue
		}
		n++
		offset += r.At.Sub(from)
		taken += float64(
			r.Values.Of(pool, Leased) + r.Values.Of(pool, Bound) + r.Values.Of(pool, Resting),
		)
	}
	return from.Add(offset / time.Duration(n)), taken / n
}
