package breaker

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlowStartGrowsWithAnswers: a handful may be out before the first answer, twice as many after
// each round of answers, and a handful again after a while without any.
func TestSlowStartGrowsWithAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s SlowStart
		round := func(answered bool) (out int) {
			for s.Try(StartCalls) {
				out++
			}
			for range out {
				if answered {
					s.answered()
				}
				s.End()
			}
			return out
		}
		for _, want := range []int{StartCalls, 2 * StartCalls, 4 * StartCalls} {
			if n := round(true); n != want {
				t.Errorf("%d are out, want %d", n, want)
			}
		}
		s.missed() // a single one among others
		s.answered()
		if n := round(true); n != 8*StartCalls {
			t.Errorf("%d are out after one lost answer, want %d", n, 8*StartCalls)
		}
		time.Sleep(startAnew + time.Second) // of the bubble's own clock
		if n := round(false); n != StartCalls {
			t.Errorf("%d are out after a while without answers", n)
		}
	})
}

// TestSlowStartStopsWhereNothingAnswers: no more than a handful leaves, and the handful shows it.
func TestSlowStartStopsWhereNothingAnswers(t *testing.T) {
	t.Parallel()
	var s SlowStart
	left, enough := 0, false
	for !enough && left < 100 {
		for s.Try(StartCalls) {
			left++
		}
		enough = s.missed()
		s.End()
	}
	if left != StartCalls {
		t.Errorf("%d left before it was enough, want %d", left, StartCalls)
	}
}

// TestSlowStartWaits: a place that is given back goes to the first that waits, and one that gives
// up leaves none behind.
func TestSlowStartWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s SlowStart
		for s.Try(StartCalls) {
		}
		if s.Wait(t.Context(), time.After(time.Second)) {
			t.Error("there was no place")
		}
		var waiting sync.WaitGroup
		for range 2 {
			waiting.Go(func() {
				if !s.Wait(t.Context(), nil) {
					t.Error("it was not given a place")
				}
				s.End()
			})
		}
		synctest.Wait()
		s.answered() // one more, which the two use one after the other
		waiting.Wait()
		if s.out != StartCalls || len(s.waiting) != 0 {
			t.Errorf("%d are out, %d wait", s.out, len(s.waiting))
		}
	})
}
