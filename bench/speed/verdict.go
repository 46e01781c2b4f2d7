package main

import (
	"math"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

// phase is a time in which the quota is the same. The last one lasts as long as it takes.
type phase struct {
	quota int // calls a second
	lasts time.Duration
}

// verdict is what came of binds under a quota.
type verdict struct {
	phases []phase

	asked, succeeded, told int // tasks: all, those that were bound, and those that have an outcome
	calls, throttled       int
	attempts               int // the most that one task used up
	ideal, makespan        time.Duration
	// settled is, for each phase, how many seconds it took until its quota was kept and used from then
	// on; NaN: never.
	settled []float64
	// used is, for each phase, the share of its quota that was used once it had settled.
	used []float64
}

// second is what reached the API within one of its windows.
type second struct{ calls, throttled, made int }

// judge reads the ledger of a run that began, with the first phase, on a full second.
func judge(ledger []dyplstest.Entry, phases []phase, asked int, began time.Time) verdict {
	v := verdict{phases: phases, asked: asked, ideal: ideal(phases, asked)}
	var seconds []second
	tries, made := map[string]int{}, map[string]bool{}
	for _, e := range ledger {
		at := int(e.ReceivedAt.Sub(began) / time.Second)
		if e.Action != bindAction || at < 0 {
			continue
		}
		for len(seconds) <= at {
			seconds = append(seconds, second{})
		}
		id := e.Parameters["OutId"]
		v.calls++
		seconds[at].calls++
		switch {
		case e.Performed:
			seconds[at].made++
			made[id] = true
			v.makespan = max(v.makespan, e.AnsweredAt.Sub(began))
		case e.Code == throttledCode:
			v.throttled++
			seconds[at].throttled++
		}
		tries[id]++
		v.attempts = max(v.attempts, tries[id])
	}
	v.succeeded = len(made)
	from := 0
	for i, p := range phases {
		to := min(from+int(p.lasts/time.Second), len(seconds))
		if i == len(phases)-1 {
			to = max(len(seconds)-1, from) // the last second is cut short
		}
		from = min(from, len(seconds))
		v.settle(seconds[from:max(to, from)], p)
		from = to
	}
	return v
}

const throttledCode = "isv.FLOW_LIMIT"

// ideal is how long it takes to make so many calls when every quota is used up.
func ideal(phases []phase, asked int) time.Duration {
	var took time.Duration
	for i, p := range phases {
		need := time.Duration(float64(asked) / float64(p.quota) * float64(time.Second))
		if i == len(phases)-1 || need <= p.lasts {
			return took + need
		}
		took += p.lasts
		asked -= int(float64(p.quota) * p.lasts.Seconds())
	}
	return took
}

// settle finds from when on the quota was kept, at most one call in 50 too many, and nine tenths of
// it used.
func (v *verdict) settle(seconds []second, p phase) {
	const keptShare, usedShare = 0.02, 0.9
	for from := range seconds {
		var rest second
		for _, s := range seconds[from:] {
			rest.calls, rest.throttled, rest.made = rest.calls+s.calls, rest.throttled+s.throttled, rest.made+s.made
		}
		first := seconds[from]
		kept := float64(first.throttled) <= keptShare*float64(p.quota) &&
			float64(rest.throttled) <= keptShare*float64(rest.calls)
		used := figure.Ratio(float64(rest.made), float64(p.quota*len(seconds[from:])))
		if kept && used >= usedShare && float64(first.made) >= usedShare*float64(p.quota) {
			v.settled, v.used = append(v.settled, float64(from)), append(v.used, used)
			return
		}
	}
	v.settled, v.used = append(v.settled, math.NaN()), append(v.used, math.NaN())
}

func (v verdict) throttledShare() float64 {
	return figure.Ratio(float64(v.throttled), float64(v.calls))
}
