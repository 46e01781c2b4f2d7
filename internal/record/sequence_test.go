package record_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

const (
	thing    = "123/updateNoB"
	thingKey = "dypls:change:{" + thing + "}"
)

func (s server) draw(t *testing.T, count int, until time.Time) int64 {
	t.Helper()
	last, err := s.store.Draw(t.Context(), []record.Drawing{{Of: thing, Count: count, Until: until}})
	if err != nil || len(last) != 1 {
		t.Fatalf("draw: %v, %v", last, err)
	}
	return last[0]
}

func (s server) turn(t *testing.T, order int64, run string, lease time.Duration) (record.ChangeVerdict, time.Duration) {
	t.Helper()
	verdict, busy, err := s.store.Sequence(t.Context(), record.Change{
		Of: thing, Order: order, Run: run, Lease: lease, Until: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return verdict, busy
}

// TestOrdersNeverTie: however many draw at once, no two get the same number, and what is drawn
// later gets a higher one.
func TestOrdersNeverTie(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		t.Helper()
		const producers, each, batch = 8, 20, 3
		var mu sync.Mutex
		var all []int64
		var drawing sync.WaitGroup
		for range producers {
			drawing.Go(func() {
				before := int64(0)
				for range each {
					last, err := s.store.Draw(t.Context(), []record.Drawing{{Of: "other", Count: 1}, {Of: thing, Count: batch}})
					if err != nil {
						t.Error(err)
						return
					}
					if last[1]-batch < before {
						t.Errorf("drawn %d to %d after %d", last[1]-batch+1, last[1], before)
					}
					before = last[1]
					mu.Lock()
					for n := range int64(batch) {
						all = append(all, last[1]-n)
					}
					mu.Unlock()
				}
			})
		}
		drawing.Wait()
		slices.Sort(all)
		if distinct := slices.Compact(slices.Clone(all)); len(distinct) != producers*each*batch {
			t.Errorf("%d different numbers of %d", len(distinct), len(all))
		}
	})
}

// TestLostOrderIsNoRefusal: Redis forgot an order whose changes are open. What is enqueued from
// then on is newer all the same.
func TestLostOrderIsNoRefusal(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		t.Helper()
		open := s.draw(t, 5, time.Now())
		s.client.Del(t.Context(), thingKey)
		newer := s.draw(t, 1, time.Now())
		if newer <= open {
			t.Errorf("drawn %d after %d was lost", newer, open)
		}

		// It was lost again, to a Redis whose clock is an hour behind: an open change tells it how far
		// the others were.
		ahead := newer + time.Hour.Microseconds()
		s.client.Del(t.Context(), thingKey)
		if verdict, _ := s.turn(t, ahead, "open", long); verdict != record.ChangeGo {
			t.Fatal(verdict)
		}
		if err := s.store.EndChange(t.Context(), record.Change{Of: thing, Run: "open"}); err != nil {
			t.Fatal(err)
		}
		newest := s.draw(t, 1, time.Now())
		if verdict, _ := s.turn(t, newest, "newest", long); verdict != record.ChangeGo {
			t.Errorf("what was enqueued last is %s", verdict)
		}
		if verdict, _ := s.turn(t, newer, "older", long); verdict != record.ChangeSuperseded {
			t.Errorf("what was enqueued before is %s", verdict)
		}
	})
}

// TestOrderIsKeptAsLongAsATaskNeedsIt, and no longer than a day after that.
func TestOrderIsKeptAsLongAsATaskNeedsIt(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		t.Helper()
		const day, month = 24 * time.Hour, 30 * 24 * time.Hour
		want := func(step string, needed time.Duration) {
			t.Helper()
			if kept := s.client.PTTL(t.Context(), thingKey).Val(); kept < needed+day-time.Hour || kept > needed+day {
				t.Errorf("%s: kept for %s, want %s and a day", step, kept, needed)
			}
		}
		s.draw(t, 1, time.Now().Add(day))
		want("one that ends tomorrow", day)
		order := s.draw(t, 1, time.Now().Add(month))
		want("one that is scheduled for next month", month)
		s.draw(t, 1, time.Now().Add(day))
		want("another that ends tomorrow", month)
		s.turn(t, order, "run", long)
		want("a turn", month)
		s.client.Del(t.Context(), thingKey)
		s.turn(t, order, "run", long)
		want("a turn of an order that was lost", time.Hour)
	})
}

// TestTurnOfAnotherClock: a turn that was taken before the clock was put back holds for a lease
// from now on, not until then.
func TestTurnOfAnotherClock(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		t.Helper()
		s.turn(t, 1, "gone", long)
		s.client.HSet(t.Context(), thingKey, "until", strconv.FormatInt(time.Now().Add(24*time.Hour).UnixMilli(), 10))
		if verdict, busy := s.turn(t, 2, "next", short); verdict != record.ChangeBusy || busy > short {
			t.Errorf("%s, for %s", verdict, busy)
		}
		redistest.Poll(t, 10*time.Second, "the turn to lapse", func(context.Context) error {
			if verdict, busy := s.turn(t, 2, "next", short); verdict != record.ChangeGo { //nolint:contextcheck // the test's own
				return fmt.Errorf("%s, for %s", verdict, busy)
			}
			return nil
		})
	})
}
