package worker

import (
	"slices"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// TestForgottenSurplusIsUndone: the worker that found a surplus binding died before it had it removed.
func TestForgottenSurplusIsUndone(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.create(t, "k")
	bound := func(subs string, fence int64) {
		y.finish(t, record.Ending{
			ID: "k", Fence: fence, State: record.Succeeded, SubsID: subs, Result: []byte(`{}`),
			Surplus: func() []byte { return []byte(`{"PoolKey":"FC1","SubsId":"` + subs + `","SecretNo":"17000000001"}`) },
		})
	}
	fence := y.begin(t, "k", time.Minute).Fence
	bound("1000", fence)
	if open := y.open(t); len(open) != 0 {
		t.Fatalf("open are %v", open)
	}
	bound("2000", fence+7)
	if open := y.open(t); !slices.Equal(open, []string{"k"}) {
		t.Fatalf("open are %v", open)
	}
	for range 2 {
		y.sweeps(t)
	}
	if open := y.open(t); !slices.Equal(open, []string{"surplus:2000"}) {
		t.Errorf("open are %v", open)
	}
	opened, err := y.records.Opened(t.Context(), "surplus:2000", "surplus:1000")
	if err != nil || opened[0].Action != "UnbindSubscription" || opened[1].State != "" {
		t.Errorf("%+v, %v", opened, err)
	}
	if left, err := y.records.Surpluses(t.Context(), "k"); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}
