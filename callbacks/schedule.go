package callbacks

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// pauses are how long a delivery waits after it has failed for the first time, the second, and so
// on. After the last one it is tried once more, and then dead: 3 days and 3.6 hours after the
// event, give or take a tenth.
var pauses = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

const (
	// keepUndelivered is how long what is not delivered, or dead, is kept after its event.
	keepUndelivered = 7 * 24 * time.Hour
	// keepDelivered is how long it is known that an event was told: longer than the streams of events
	// keep it. A call may change for as long as it is kept.
	keepDelivered     = 48 * time.Hour
	keepDeliveredCall = 31 * 24 * time.Hour
	// longestRest is how long an endpoint's Retry-After is heeded at the most.
	longestRest = time.Hour
	// An endpoint that fails so often in a row is asked by one delivery at a time, first after
	// firstProbe, and twice as late each time, up to lastProbe.
	failuresToRest        = 5
	firstProbe, lastProbe = 5 * time.Second, 5 * time.Minute
)

// mostAge is when a delivery is dead, however often it was tried.
func mostAge() (sum time.Duration) {
	const slack = 5 // a fifth more: jitter, and what an endpoint's rests took
	for _, pause := range pauses {
		sum += pause
	}
	return sum + sum/slack
}

// pauseAfter is how long a delivery waits that has failed so many times, and false where it is not
// tried again. chance is between 0 and 1.
func pauseAfter(failures int, chance float64) (time.Duration, bool) {
	if failures > len(pauses) {
		return 0, false
	}
	const jitter = 0.1
	return time.Duration(float64(pauses[failures-1]) * (1 - jitter + 2*jitter*chance)), true
}

// retryAfter reads the header of an answer, in seconds or as a date: 0 where it says nothing.
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return min(
			time.Duration(min(max(seconds, 0), int64(longestRest/time.Second)))*time.Second, longestRest,
		)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), longestRest)
}
