package quota

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

func constant(n int) func(int64) int { return func(int64) int { return n } }

// vendors are the limiters that the limiter has to do with, or might.
func vendors(quota func(int64) int) map[string]vendor {
	return map[string]vendor{
		"fixed windows":                 &fixedWindows{quota: quota, phase: 370_000},
		"fixed windows that tell":       &fixedWindows{quota: quota, phase: 910_000, tells: true},
		"sliding window":                &slidingWindow{quota: quota},
		"token bucket":                  &tokenBucket{quota: quota},
		"windows shared with a program": &fixedWindows{quota: func(at int64) int { return 2 * quota(at) }, others: quota},
	}
}

// TestSteadyQuota: at one quota, nearly all of it is used, and next to nothing is throttled.
func TestSteadyQuota(t *testing.T) {
	t.Parallel()
	for _, latency := range []int64{0, 50_000, 300_000} {
		for _, quota := range []int{100, 1000} {
			for name, v := range vendors(constant(quota)) {
				t.Run(fmt.Sprintf("%d a second, %d ms, %s", quota, latency/1000, name), func(t *testing.T) {
					t.Parallel()
					m := newModel(t, v, 3, 64+quota/8)
					m.latency = latency
					m.run(15 * secondMicros)
					from, asks := m.now, m.asks
					m.run(45 * secondMicros)
					passed, refused := between(m.accepted, from, m.now), between(m.throttled, from, m.now)
					used, share := float64(passed)/float64(45*quota), float64(refused)/float64(passed+refused)
					perCall := float64(m.asks-asks) / float64(passed+refused)
					t.Logf("used %.3f, throttled %.4f, questions per call %.3f", used, share, perCall)
					if used < 0.965 || share > 0.015 || perCall > 0.12 {
						t.Errorf("used %.3f, throttled %.4f, %.3f questions per call", used, share, perCall)
					}
				})
			}
		}
	}
}

// TestQuotaFallsAndRises: the limiter follows a quota, wherever the vendor's windows begin.
func TestQuotaFallsAndRises(t *testing.T) {
	t.Parallel()
	const fell, rose, end = 15, 30, 50 // seconds
	for name, test := range map[string]struct {
		latency int64
		share   float64 // of calls that may be throttled: all that are out when the quota falls
	}{"0 ms": {0, 0.015}, "50 ms": {50_000, 0.025}, "300 ms": {300_000, 0.045}} {
		for phase := int64(20_000); phase < secondMicros; phase += 240_000 {
			t.Run(fmt.Sprintf("%s, phase %d ms", name, phase/1000), func(t *testing.T) {
				t.Parallel()
				var begin int64
				m := newModel(t, &fixedWindows{phase: phase, quota: func(at int64) int {
					switch second := (at - begin) / secondMicros; {
					case second < fell:
						return 100
					case second < rose:
						return 50
					}
					return 200
				}}, 3, 40)
				begin, m.latency = m.now, test.latency
				m.run(end * secondMicros)
				rate := func(from, till int64) float64 {
					return float64(between(m.accepted, begin+from*secondMicros, begin+till*secondMicros)) / float64(till-from)
				}
				share := float64(len(m.throttled)) / float64(len(m.sent))
				t.Logf("%.1f a second before, %.1f 3 s after the fall, %.1f 10 s after the rise; %.4f throttled",
					rate(5, fell), rate(fell+3, rose), rate(rose+10, end), share)
				if rate(5, fell) < 95 || rate(fell+3, rose) < 47 || rate(rose+10, end) < 190 || share > test.share {
					t.Errorf("%.1f, %.1f, %.1f a second, %.4f throttled", rate(5, fell), rate(fell+3, rose), rate(rose+10, end), share)
				}
				if refused := between(m.throttled, begin+(fell+3)*secondMicros, begin+rose*secondMicros); refused > 15 {
					t.Errorf("%d calls were throttled after 3 s at a quota that had fallen", refused)
				}
			})
		}
	}
}

// TestQuotaWeatherModelled: 3,000 calls while the quota is 100 a second, then 50, then 200, take
// hardly longer than they must.
func TestQuotaWeatherModelled(t *testing.T) {
	t.Parallel()
	const calls, calm = 3000, 10
	const ideal = 2*calm + float64(calls-150*calm)/200
	// at every fall, what is out is throttled
	for latency, most := range map[int64]float64{0: 0.02, 20_000: 0.02, 50_000: 0.025} {
		for _, tells := range []bool{false, true} {
			for phase := int64(20_000); phase < secondMicros; phase += 170_000 {
				t.Run(fmt.Sprintf("%d ms, tells %v, phase %d ms", latency/1000, tells, phase/1000), func(t *testing.T) {
					t.Parallel()
					v := &fixedWindows{phase: phase, tells: tells}
					m := newModel(t, v, 3, 32)
					m.latency = latency
					begin := m.now
					v.quota = func(at int64) int { return []int{100, 50, 200}[min((at-begin)/secondMicros/calm, 2)] }
					for len(m.accepted) < calls {
						m.run(secondMicros / 100)
					}
					span := float64(m.now-begin) / float64(secondMicros)
					share := float64(len(m.throttled)) / float64(len(m.sent))
					t.Logf("%.2f of the ideal, %.4f throttled, %.3f questions per call", span/ideal, share, float64(m.asks)/float64(len(m.sent)))
					if span > 1.2*ideal || share > most {
						t.Errorf("%.2f of the ideal, %.4f throttled", span/ideal, share)
					}
				})
			}
		}
	}
}

// TestThrottledWhateverTheRate: where lowering the rate does not help, it is not lowered for ever;
// and the quota is still found.
func TestThrottledWhateverTheRate(t *testing.T) {
	t.Parallel()
	for _, latency := range []int64{0, 50_000} {
		t.Run(fmt.Sprint(latency/1000, " ms"), func(t *testing.T) {
			t.Parallel()
			m := newModel(t, moody{&fixedWindows{quota: constant(400), phase: 123_000}, rand.New(rand.NewPCG(1, 2)), 0.05}, 3, 60)
			m.latency = latency
			m.run(20 * secondMicros)
			from := m.now
			m.run(60 * secondMicros)
			passed, refused := between(m.accepted, from, m.now)/60, between(m.throttled, from, m.now)/60
			t.Logf("%d a second accepted, %d throttled", passed, refused)
			if passed < 200 || refused > passed/5 {
				t.Errorf("%d a second accepted of 400, %d throttled", passed, refused)
			}
		})
	}
}

// TestNeverAboveTheCeiling: in any second, whatever happens, no more calls leave than the ceiling
// and the burst.
func TestNeverAboveTheCeiling(t *testing.T) {
	t.Parallel()
	for seed := range 12 {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			m := newRandomModel(t, seed)
			m.run(40 * secondMicros)
			// Tokens may be used a little after their time, and the schedule may make up for a late
			// question.
			burst := 0.02*m.ceiling + float64(tokenValid+m.jitter)/float64(secondMicros)*m.ceiling + 2
			if n := most(m.sent); float64(n) > m.ceiling+burst {
				t.Errorf("%d calls within a second, ceiling %.0f, burst %.0f", n, m.ceiling, burst)
			}
			if len(m.sent) == 0 {
				t.Error("nothing was sent")
			}
		})
	}
}

// TestNobodyStarves: workers that all want more than there is get about the same.
func TestNobodyStarves(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{2, 5, 20} {
		t.Run(strconv.Itoa(workers), func(t *testing.T) {
			t.Parallel()
			m := newModel(t, &fixedWindows{quota: constant(200), phase: 123_000}, workers, 50)
			m.run(60 * secondMicros)
			fair := len(m.sent) / workers
			for _, w := range m.workers {
				if w.calls < fair*7/10 || w.calls > fair*13/10 {
					t.Errorf("worker %s made %d calls, its share is %d", w.name, w.calls, fair)
				}
			}
		})
	}
}

// TestMissedNews: a worker that misses messages goes on with tokens that are void, for half a
// second at most.
func TestMissedNews(t *testing.T) {
	t.Parallel()
	m := newModel(t, &fixedWindows{quota: constant(100), phase: 123_000}, 3, 40)
	m.deaf = 2
	m.run(10 * secondMicros)
	from := m.now
	m.run(40 * secondMicros)
	passed, refused := between(m.accepted, from, m.now), between(m.throttled, from, m.now)
	t.Logf("%d of 4000 used, %d throttled", passed, refused)
	if passed < 3600 || refused > passed/20 {
		t.Errorf("%d of 4000 used, %d throttled", passed, refused)
	}
}

// newRandomModel is of any size and kind, with callers that come and go.
func newRandomModel(t *testing.T, seed int) *model {
	t.Helper()
	m := newModel(t, &fixedWindows{}, 1+seed%4, 5+seed*7%60)
	m.random = rand.New(rand.NewPCG(uint64(seed), 7)) //nolint:gosec // small
	quota := func(at int64) int { return 40 + int(at/(7*secondMicros))%3*100 }
	kinds := vendors(quota)
	m.vendor = kinds[slices.Sorted(maps.Keys(kinds))[seed%len(kinds)]]
	m.ceiling = float64(20 + m.random.IntN(200))
	m.latency, m.rtt, m.deaf = m.random.Int64N(300_000), 200+m.random.Int64N(10_000), seed%3*4
	if seed%2 == 1 {
		for _, w := range m.workers {
			w.idle = func() int64 { return m.random.Int64N(2 * secondMicros) }
		}
	}
	return m
}
