package inventory_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

const stocked = 100_000

// large is an inventory of 100,000 numbers in five cities.
func large(b *testing.B) stock {
	b.Helper()
	client := redistest.Start(b).Client(b)
	s := stock{inventory.New(client, cooldown), client}
	all := make([]inventory.Number, stocked)
	for i := range all {
		all[i] = inventory.Number{X: dypls.Phone(strconv.Itoa(17_000_000_000 + i)), City: []string{"北京", "上海", "广州", "深圳", "杭州"}[i%5]}
	}
	start := time.Now()
	s.fill(b, all)
	b.Logf("imported %d numbers in %s", stocked, time.Since(start).Round(time.Millisecond))
	return s
}

// leases measures leases that are given back at once, beside a round trip that does nothing.
func (s stock) leases(b *testing.B, want func(i int) inventory.Want) {
	b.Helper()
	i := 0
	var leasing time.Duration
	for b.Loop() {
		w := want(i)
		start := time.Now()
		got := s.lease(b, w)
		leasing += time.Since(start)
		s.release(b, inventory.Refusal{Pool: pool, Task: w.Task, X: got.X, Unperformed: true})
		i++
	}
	b.ReportMetric(float64(leasing.Microseconds())/float64(b.N), "µs/lease")
	stats := s.client.Info(b.Context(), "commandstats").Val()
	calls, spent := evals(stats)
	b.ReportMetric(float64(spent)/float64(calls), "redis-µs/script")
}

// evals tells how many scripts Redis ran, and for how many microseconds.
func evals(stats string) (calls, spent int) {
	for line := range strings.SplitSeq(stats, "\r\n") {
		var n, us int
		if _, err := fmt.Sscanf(line, "cmdstat_evalsha:calls=%d,usec=%d", &n, &us); err == nil {
			return n, us
		}
	}
	return 1, 0
}

func BenchmarkLease(b *testing.B) {
	kinds := map[string]func(i int) inventory.Want{
		"alone":     func(i int) inventory.Want { return alone(strconv.Itoa(i)) },
		"pair":      func(i int) inventory.Want { return pair(strconv.Itoa(i), i%5000, 5000+i%4999) },
		"extension": func(i int) inventory.Want { return extension(strconv.Itoa(i)) },
		"city": func(i int) inventory.Want {
			w := alone(strconv.Itoa(i))
			w.City, w.Strict = "深圳", true
			return w
		},
	}
	full := large(b) // of free numbers
	for name, want := range kinds {
		b.Run("all-free/"+name, func(b *testing.B) { full.reset(b).leases(b, want) })
	}
	for i := range stocked - 10 {
		full.take(b, alone(fmt.Sprint("taken-", i)), i)
	}
	for name, want := range kinds {
		b.Run("ten-left/"+name, func(b *testing.B) { full.reset(b).leases(b, want) })
	}
}

// One person is in 900 of 1,000 numbers that are in use, and none is idle.
func BenchmarkLeaseBusyPerson(b *testing.B) {
	client := redistest.Start(b).Client(b)
	s := stock{inventory.New(client, cooldown), client}
	s.fill(b, numbers(1000))
	for i := range 1000 {
		want := pair(fmt.Sprint("busy-", i), i/900, i+10)
		want.X = x(i)
		s.lease(b, want)
	}
	s.reset(b).leases(b, func(i int) inventory.Want { return pair(strconv.Itoa(i), 0, 5000+i%4999) })
}

func BenchmarkNoneFree(b *testing.B) {
	client := redistest.Start(b).Client(b)
	s := stock{inventory.New(client, cooldown), client}
	s.fill(b, numbers(1000))
	for i := range 1000 {
		want := pair(fmt.Sprint("busy-", i), 0, i+10)
		want.X = x(i)
		s.lease(b, want)
	}
	s.reset(b)
	for b.Loop() {
		s.none(b, pair("one-more", 0, 5))
	}
}

// 100,000 bindings end at once.
func BenchmarkSweep(b *testing.B) {
	s := large(b)
	round := 0
	for b.Loop() {
		b.StopTimer()
		for i := range stocked {
			want := alone(fmt.Sprintf("task-%d-%d", round, i))
			s.take(b, want, i)
			s.bind(b, want, inventory.Leased{X: dypls.Phone(strconv.Itoa(17_000_000_000 + i))})
		}
		round++
		s.Forward(2 * time.Hour)
		b.StartTimer()
		if n, err := s.Sweep(b.Context(), pool); n != stocked || err != nil {
			b.Errorf("%d, %v", n, err)
		}
	}
}

func (s stock) take(b *testing.B, want inventory.Want, i int) {
	b.Helper()
	want.X = dypls.Phone(strconv.Itoa(17_000_000_000 + i))
	s.lease(b, want)
}

func (s stock) reset(b *testing.B) stock {
	b.Helper()
	s.client.ConfigResetStat(b.Context())
	return s
}
