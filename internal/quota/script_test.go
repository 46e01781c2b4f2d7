package quota

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// scripted asks the script at times of the test's choosing.
type scripted struct {
	*testing.T

	redis *redis.Client
}

func (s scripted) at(now int64, d demand) granted {
	s.Helper()
	args := append(d.arguments("w", "default", "BindAxn", news, 1000, 50), now)
	g, err := readGranted(givenTime.Run(s.Context(), s.redis, bucketKeys("default", "BindAxn"), args...))
	if err != nil {
		s.Fatal(err)
	}
	return g
}

const aDay = 1_800_000_000 * secondMicros

// used reports a second in which everything was used, up to now.
func used(now int64, rate float64) demand {
	d := demand{wanted: 1}
	for at := now - secondMicros; at < now; at += tick {
		d.seen.accepted = append(d.seen.accepted, tally{at / tick, int(rate)/20 + 1})
	}
	return d
}

// TestRateDoublesAndAges: a second that was really used doubles the rate; one that was not leaves
// it; rest wears it down.
func TestRateDoublesAndAges(t *testing.T) {
	t.Parallel()
	s := scripted{t, redistest.Start(t).Client(t)}
	now := aDay
	if g := s.at(now, demand{wanted: 1}); g.rate != 50 || g.tokens != 1 {
		t.Fatalf("begins with %+v", g)
	}
	now += secondMicros
	if g := s.at(now, demand{wanted: 1}); g.rate != 50 {
		t.Errorf("%v after a second in which next to nothing was called", g.rate)
	}
	now += 2 * secondMicros
	s.at(now, demand{wanted: 1}) // what is measured begins anew
	now += secondMicros + tick
	if g := s.at(now, used(now, 50)); g.rate != 100 {
		t.Errorf("%v after a second that was used", g.rate)
	}
	now += 5 * secondMicros
	if g := s.at(now, demand{wanted: 1}); g.rate != 100 {
		t.Errorf("%v after 5 s of rest", g.rate)
	}
	now += 25 * secondMicros
	if g := s.at(now, demand{wanted: 1}); g.rate < 60 || g.rate > 80 {
		t.Errorf("%v after 25 s of rest", g.rate)
	}
	now += 3600 * secondMicros
	if g := s.at(now, demand{wanted: 1}); g.rate != 50 {
		t.Errorf("%v after an hour of rest", g.rate)
	}
	if ttl := s.redis.PTTL(t.Context(), bucketKeys("default", "BindAxn")[0]).Val(); ttl <= 0 {
		t.Error("what is known never goes away")
	}
}

// TestClockGoesBack: after a failover the time may be an earlier one; nothing waits for the old one
// to come back.
func TestClockGoesBack(t *testing.T) {
	t.Parallel()
	s := scripted{t, redistest.Start(t).Client(t)}
	s.at(aDay, demand{wanted: 100})
	if g := s.at(aDay-3600*secondMicros, demand{wanted: 1}); g.tokens != 1 || g.first > g.now {
		t.Errorf("granted %+v", g)
	}
}

// TestThrottledByAnotherClock: a worker reports a throttled call by a clock that is an hour ahead:
// Redis' clock was put back meanwhile, or the worker never learned it. The bucket closes for no
// longer than by its own clock: calls that are accepted now open it.
func TestThrottledByAnotherClock(t *testing.T) {
	t.Parallel()
	const anHour = 3600 * secondMicros
	for name, before := range map[string]bool{"the clock was put back": true, "a worker's first question": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := scripted{t, redistest.Start(t).Client(t)}
			now := aDay
			if before {
				s.at(now+anHour, demand{wanted: 1})
			}
			ahead := now + anHour
			s.at(now, demand{wanted: 1, seen: feedback{throttled: ahead, last: ahead, windowEnds: ahead + secondMicros, refused: 1}})
			for range 20 {
				now += secondMicros / 10
				s.at(now, demand{wanted: 1, seen: feedback{proof: now - tick}})
			}
			if g := s.at(now, demand{wanted: 5}); g.closedAt != 0 || g.tokens == 0 {
				t.Errorf("2 s later, with calls accepted meanwhile: %+v", g)
			}
		})
	}
}

// TestLateThrottlesPunishOnce: calls that left before the bucket was closed and open again do not
// close it again.
func TestLateThrottlesPunishOnce(t *testing.T) {
	t.Parallel()
	s := scripted{t, redistest.Start(t).Client(t)}
	now := aDay
	first := s.at(now, used(now, 50))
	throttled := func(left int64) demand {
		return demand{wanted: 1, seen: feedback{throttled: left, last: left, refused: 1}}
	}
	g := s.at(now+100_000, throttled(now+50_000))
	if g.closedAt != now+50_000 || g.epoch != first.epoch+1 || g.tokens != 0 {
		t.Fatalf("not closed: %+v", g)
	}
	if again := s.at(now+110_000, throttled(now+60_000)); again.epoch != g.epoch {
		t.Errorf("closed twice: %+v", again)
	}
	proof := demand{wanted: 1, seen: feedback{proof: now + 90_000}}
	open := s.at(now+200_000, proof)
	if open.closedAt != 0 || open.tokens != 1 {
		t.Fatalf("not open: %+v", open)
	}
	if late := s.at(now+210_000, throttled(now+95_000)); late.closedAt != 0 {
		t.Errorf("closed by a call that had left before: %+v", late)
	}
	if fresh := s.at(now+300_000, throttled(now+250_000)); fresh.closedAt != now+250_000 {
		t.Errorf("not closed by a new one: %+v", fresh)
	}
}

// TestUnusedSlotsComeBack: what is given back is granted again.
func TestUnusedSlotsComeBack(t *testing.T) {
	t.Parallel()
	s := scripted{t, redistest.Start(t).Client(t)}
	now := aDay
	g := s.at(now, demand{wanted: 10})
	next := s.at(now, demand{wanted: 1})
	if next.first <= g.first {
		t.Fatalf("granted twice: %+v", next)
	}
	if again := s.at(now, demand{wanted: 1, back: g.tokens}); again.first >= next.first {
		t.Errorf("first token at %d, %d were given back before %d", again.first, g.tokens, next.first)
	}
}
