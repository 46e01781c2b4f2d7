package quota

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestLowestCeilingHolds: workers that differ in their ceiling make together no more calls in any
// second than the lowest one allows, whatever else happens, and they do make those.
func TestLowestCeilingHolds(t *testing.T) {
	t.Parallel()
	for seed := range 6 {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			m := newModel(t, &fixedWindows{quota: constant(10_000)}, 2+seed%3, 60)
			m.random = rand.New(rand.NewPCG(uint64(seed), 7)) //nolint:gosec // small
			m.latency, m.rtt = m.random.Int64N(300_000), 200+m.random.Int64N(10_000)
			lowest := 20 + float64(m.random.IntN(80))
			for i, w := range m.workers {
				w.own = lowest * float64(1+3*((i+seed)%len(m.workers)))
				if w.own == lowest && seed%3 > 0 { // it has little to do, and asks now and then
					w.waiting, w.idle = 1, func() int64 { return m.random.Int64N(20 * secondMicros) }
				}
			}
			m.run(3 * secondMicros) // until each has asked, and what was granted before that is used
			from := m.now
			m.run(30 * secondMicros)
			var sent []int64
			for _, at := range m.sent {
				if at >= from {
					sent = append(sent, at)
				}
			}
			burst := 0.02*lowest + float64(tokenValid+m.jitter)/float64(secondMicros)*lowest + 2
			if n := most(sent); float64(n) > lowest+burst {
				t.Errorf("%d calls within a second, the lowest ceiling is %.0f, burst %.0f", n, lowest, burst)
			}
			if used := float64(len(sent)) / 30; used < 0.8*lowest {
				t.Errorf("%.1f calls a second of %.0f", used, lowest)
			}
		})
	}
}

// TestHigherCeilingWhereTheLowerIsGone: a ceiling that was raised holds a minute after the last
// worker with the lower one has asked, and the lower one at once when one comes that has it.
func TestHigherCeilingWhereTheLowerIsGone(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	last := 1.0
	ask := func(now int64, worker string, ceiling float64) granted {
		t.Helper()
		args := append(used(now, last).arguments(worker, "default", "pool:p", news, ceiling, ceiling), now)
		g, err := readGranted(givenTime.Run(t.Context(), client, bucketKeys("default", "pool:p"), args...))
		if err != nil {
			t.Fatal(err)
		}
		last = g.rate
		return g
	}
	rate := func(now int64, worker string, ceiling, want float64) {
		t.Helper()
		if g := ask(now, worker, ceiling); g.rate != want {
			t.Errorf("%s with a ceiling of %v may make %v calls a second, want %v", worker, ceiling, g.rate, want)
		}
	}
	now := aDay
	rate(now, "high", 100, 100)
	rate(now+1, "low", 10, 10)
	for range 50 {
		now += secondMicros + 2*tick
		rate(now, "high", 100, 10)
	}
	rate(now, "low", 10, 10) // it is still there
	for range 50 {
		now += secondMicros + 2*tick
		rate(now, "high", 100, 10)
	}
	for range 20 { // the rate is found as any other is
		now += secondMicros + 2*tick
		ask(now, "high", 100)
	}
	rate(now, "high", 100, 100)
	rate(now, "low", 10, 10)
	rate(now-3600*secondMicros, "high", 100, 100) // Redis' clock was put back: nothing is known
}
