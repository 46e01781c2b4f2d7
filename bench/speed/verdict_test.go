package main

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// ledger makes entries: for each second so many that are made, and so many that are throttled.
func ledger(began time.Time, seconds ...second) []dyplstest.Entry {
	var entries []dyplstest.Entry
	task := 0
	for i, s := range seconds {
		at := began.Add(time.Duration(i)*time.Second + 500*time.Millisecond)
		for range s.made {
			entries = append(entries, dyplstest.Entry{
				Action: bindAction, ReceivedAt: at, AnsweredAt: at, Performed: true, Code: "OK", Parameters: map[string]string{"OutId": strconv.Itoa(task)},
			})
			task++
		}
		for range s.throttled { // of a task that is made later
			entries = append(entries, dyplstest.Entry{
				Action: bindAction, ReceivedAt: at, AnsweredAt: at, Code: throttledCode, Parameters: map[string]string{"OutId": strconv.Itoa(task)},
			})
		}
	}
	return entries
}

func TestJudge(t *testing.T) {
	t.Parallel()
	began := time.Unix(1_800_000_000, 0)
	phases := []phase{{100, 3 * time.Second}, {50, 3 * time.Second}, {200, 0}}
	entries := ledger(began,
		second{made: 40}, second{made: 100}, second{made: 100}, // it begins low
		second{made: 50, throttled: 50}, second{made: 49}, second{made: 50}, // it falls within a second
		// it rises within two
		second{made: 50}, second{made: 100}, second{made: 199}, second{made: 200}, second{made: 10},
	)
	entries = append(entries, dyplstest.Entry{Action: "QuerySubsId", ReceivedAt: began})
	v := judge(entries, phases, 948, began)
	if v.calls != 998 || v.throttled != 50 || v.succeeded != 948 || v.attempts != 51 {
		t.Errorf("%+v", v)
	}
	if v.makespan != 10*time.Second+500*time.Millisecond {
		t.Errorf("the makespan is %s", v.makespan)
	}
	if want := []float64{1, 1, 2}; fmt.Sprint(v.settled) != fmt.Sprint(want) {
		t.Errorf("settled after %v, want %v", v.settled, want)
	}
	if want := []float64{1, 0.99, 0.9975}; fmt.Sprint(v.used) != fmt.Sprint(want) {
		t.Errorf("used %v, want %v", v.used, want)
	}
	if got := v.throttledShare(); math.Abs(got-50.0/998) > 1e-9 {
		t.Errorf("throttled %v", got)
	}
}

// TestJudgeUnsettled: what is never kept, or never used, never settles; nothing at all is no crash.
func TestJudgeUnsettled(t *testing.T) {
	t.Parallel()
	began := time.Unix(1_800_000_000, 0)
	phases := []phase{{100, 2 * time.Second}, {50, 2 * time.Second}, {200, 0}}
	for name, entries := range map[string][]dyplstest.Entry{
		"throttled": ledger(began, second{made: 100, throttled: 10}, second{made: 100, throttled: 10}, second{made: 50, throttled: 9}, second{made: 50, throttled: 9}),
		"unused":    ledger(began, second{made: 50}, second{made: 50}, second{made: 20}, second{made: 20}),
		"nothing":   nil,
	} {
		v := judge(entries, phases, 300, began)
		if len(v.settled) != len(phases) {
			t.Fatalf("%s: %v", name, v.settled)
		}
		for i, settled := range v.settled {
			if !math.IsNaN(settled) {
				t.Errorf("%s: phase %d settled after %v s", name, i, settled)
			}
		}
	}
}

func TestIdeal(t *testing.T) {
	t.Parallel()
	phases := []phase{{100, 10 * time.Second}, {50, 20 * time.Second}, {200, 0}}
	for asked, want := range map[int]time.Duration{
		500: 5 * time.Second, 1000: 10 * time.Second, 1500: 20 * time.Second, 3000: 35 * time.Second, 2: 20 * time.Millisecond,
	} {
		if got := ideal(phases, asked); got != want {
			t.Errorf("%d binds take %s at best, want %s", asked, got, want)
		}
	}
}
