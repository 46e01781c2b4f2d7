package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestRateFollowsTheQuota: the quota falls, and rises again; three workers follow it, whichever way
// they are told.
func TestRateFollowsTheQuota(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	codes := []string{"isv.FLOW_LIMIT"}
	if os.Getenv("DYPLSQ_FAULTS") != "" {
		codes = append(codes, "Throttling.User")
	}
	for _, code := range codes {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			rateFollowsTheQuota(t, code)
		})
	}
}

func rateFollowsTheQuota(t *testing.T, code string) {
	t.Helper()
	const binds, calm = 3000, 10 * time.Second
	f := newManyWorkersHarness(t, 3, quick, dyplstest.Config{
		Quotas: map[string]int{"BindAxn": 100}, QuotaCode: code, Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", binds)}},
	}, func(c *Config) { c.MaxAttempts = 3 })
	begin := time.Now()
	go func() {
		for _, quota := range []int{50, 200} {
			time.Sleep(calm)
			_ = f.simulator.SetQuota("BindAxn", quota)
		}
	}()
	f.bind(t, binds)
	t.Logf("enqueued in %s", time.Since(begin))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for i := range binds {
		o, err := f.queue.Wait(ctx, fmt.Sprint("bind-", i))
		if err != nil {
			t.Fatal(err)
		}
		if o.State != tasks.StateSucceeded || o.Attempts != 1 {
			t.Errorf("bind %d: %s after %d attempts", i, o.State, o.Attempts)
		}
	}
	answered, throttled := f.calls("BindAxn")
	span := time.UnixMicro(answered[len(answered)-1]).Sub(begin)
	const ideal = 2*calm + (binds-10*100-10*50)*time.Second/200
	share := float64(len(throttled)) / float64(len(throttled)+len(answered))
	t.Logf("%s, %.2f of the ideal; %d throttled, %.3f of all", span, float64(span)/float64(ideal), len(throttled), share)
	for s := range int(span/time.Second) + 1 {
		from := begin.UnixMicro() + int64(s)*time.Second.Microseconds()
		t.Logf("second %2d: %3d answered, %2d throttled", s, between(answered, from, from+time.Second.Microseconds()), between(throttled, from, from+time.Second.Microseconds()))
	}
	// on a busy machine; by a simulated clock it is at most 1.2 and 0.02
	if span > 2*ideal || share > 0.05 {
		t.Errorf("took %s where %s is ideal, %.3f of the calls throttled", span, ideal, share)
	}
}

var errNotYet = errors.New("not yet")

// between counts times in [from, till).
func between(times []int64, from, till int64) (n int) {
	for _, t := range times {
		if t >= from && t < till {
			n++
		}
	}
	return n
}
