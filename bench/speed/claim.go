package main

import (
	"math"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

// claim is something that this project has to show.
type claim struct {
	what, want, got string
	shown           bool
}

func claimsText(claims []claim) string {
	if len(claims) == 0 {
		return ""
	}
	table := figure.Table{Head: []string{"", "wanted", "measured", "shown"}}
	for _, c := range claims {
		shown := "no"
		if c.shown {
			shown = "yes"
		}
		table.Add(c.what, c.want, c.got, shown)
	}
	return tableText(table)
}

// atLeast and atMost note a claim, unless nothing was measured.
func (b *bench) atLeast(what string, want, got float64) {
	if math.IsNaN(got) {
		return
	}
	b.claims = append(
		b.claims, claim{what, "at least " + figure.Format(want, 2), figure.Format(got, 3), got >= want},
	)
}

func (b *bench) atMost(what string, want, got float64) {
	if math.IsNaN(got) {
		return
	}
	b.claims = append(
		b.claims, claim{what, "at most " + figure.Format(want, 2), figure.Format(got, 3), got <= want},
	)
}

// claimThroughput checks what was measured under conditions for which something is claimed, and
// notes what the slowest can do.
func (b *bench) claimThroughput(cond conditions, all taken) {
	against := func(name string, of func(sample) float64) float64 {
		return figure.Median(figure.Ratios(column(all[oursName], of), column(all[name], of)))
	}
	where := short(cond.roundTrip) + ", " + short(cond.api) + ": "
	switch {
	case cond.durable:
		return
	case cond.roundTrip == 0 && cond.api == 0:
		b.noteHalfLoad(all)
		b.atLeast(where+"tasks/s against tuned", 1.1, against(tunedName, sample.rate))
		b.atLeast(where+"tasks/s against River", 1, against(riverName, sample.rate))
	case cond.roundTrip > 0 && cond.api > 0:
		b.farAndSlow = all
		b.atLeast(where+"tasks/s against the script", 6, against(scriptName, sample.rate))
		b.atLeast(where+"tasks/s against tuned", 1.5, against(tunedName, sample.rate))
	default:
		return
	}
	for _, name := range []string{scriptName, tunedName} {
		b.atMost(where+"worker CPU a task against "+name, 1, against(name, func(s sample) float64 {
			return s.microseconds(s.worker)
		}))
		b.atMost(where+"Redis CPU a task against "+name, 1, against(name, func(s sample) float64 {
			return s.microseconds(s.store)
		}))
	}
}

// noteHalfLoad sets the load under which waits are measured: half of what the slowest queue drains.
func (b *bench) noteHalfLoad(all taken) {
	slowest := figure.None()
	for name, samples := range all {
		if rate := medianOf(samples, sample.rate); name != directName && !(rate >= slowest) {
			slowest = rate
		}
	}
	const roundTo = 100
	b.halfLoad = max(int(slowest/2)/roundTo*roundTo, roundTo)
}

func (b *bench) claimEnqueue(roundTrip time.Duration, ratio float64) {
	want := 2.0
	if roundTrip > 0 {
		want = 10
	}
	b.atLeast("batch enqueue at "+short(roundTrip)+" against a loop of asynq's", want, ratio)
}

func (b *bench) claimLatency(p50, p99 time.Duration) {
	const p50Within, p99Within = 30, 80
	b.atMost("light load: p50 in ms", p50Within, p50.Seconds()*1000)
	b.atMost("light load: p99 in ms", p99Within, p99.Seconds()*1000)
}

func (b *bench) claimBacklog(commands, rate float64) {
	const tolerance = 1.02 // polls and heartbeats are commands, too
	b.atMost("100,000 queued against 1,000: Redis commands a task", tolerance, commands)
	b.atLeast("100,000 queued against 1,000: tasks/s", 0.75, rate)
}

func (b *bench) claimQuota(r verdict) {
	b.atLeast("quota: share of the binds that succeeded", 1, figure.Ratio(float64(r.succeeded), float64(r.asked)))
	b.atMost("quota: attempts of a task", 1, float64(r.attempts))
	b.atMost(
		"quota: makespan against the ideal", 1.2, figure.Ratio(r.makespan.Seconds(), r.ideal.Seconds()),
	)
	b.atMost("quota: share of calls that were throttled", 0.02, r.throttledShare())
	for i, settled := range r.settled {
		const afterFall, afterRise = 3, 10
		if math.IsNaN(settled) {
			settled = math.Inf(1)
		}
		switch {
		case i == 0:
		case r.phases[i].quota < r.phases[i-1].quota:
			b.atMost("quota: settled after the fall, s", afterFall, settled)
		default:
			b.atMost("quota: settled after the rise, s", afterRise, settled)
		}
	}
}

func joined(texts []string) string { return strings.Join(texts, " / ") }
