package failover

import (
	"slices"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// sayGaps tells how long each failover left the application without acknowledgements, and without
// outcomes.
func (l *load) sayGaps(t *testing.T, outcomes []tasks.Outcome) {
	t.Helper()
	var acknowledged, finished []time.Time
	for _, at := range l.acknowledged {
		acknowledged = append(acknowledged, at)
	}
	for _, o := range outcomes {
		finished = append(finished, o.FinishedAt)
	}
	sayLatency(t, outcomes)
	rounded := func(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
	for i, at := range l.kills {
		next := l.endedAt
		if i+1 < len(l.kills) {
			next = l.kills[i+1]
		}
		t.Logf("kill %d, %s after the start: %s without an acknowledgement, %s without an outcome", i+1, rounded(at.Sub(l.started)),
			rounded(longestGap(acknowledged, at, next)), rounded(longestGap(finished, at, next)))
	}
}

func sayLatency(t *testing.T, outcomes []tasks.Outcome) {
	t.Helper()
	took := make([]time.Duration, len(outcomes))
	for i, o := range outcomes {
		took[i] = o.FinishedAt.Sub(o.EnqueuedAt)
	}
	slices.Sort(took)
	at := func(share float64) time.Duration {
		return took[int(share*float64(len(took)-1))].Round(time.Millisecond)
	}
	t.Logf("from enqueue to outcome: p50 %s, p99 %s, p99.9 %s, the last %s", at(0.5), at(0.99), at(0.999), at(1))
}

// longestGap is the longest time between two moments that follow each other, the second of them
// within a time.
func longestGap(moments []time.Time, from, to time.Time) (longest time.Duration) {
	slices.SortFunc(moments, time.Time.Compare)
	for i := 1; i < len(moments); i++ {
		if moments[i].After(from) && !moments[i].After(to) {
			longest = max(longest, moments[i].Sub(moments[i-1]))
		}
	}
	return longest
}
