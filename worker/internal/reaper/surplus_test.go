package reaper

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/sealtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestForgottenSurplusIsUndone: the worker that found a surplus binding died before it had it
// removed.
func TestForgottenSurplusIsUndone(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.create(t, "k")
	bound := func(subs string, fence int64) {
		h.finish(t, record.Ending{
			ID: "k", Fence: fence, State: record.Succeeded, SubsID: subs, Result: []byte(`{}`),
			Surplus: func() []byte { return []byte(`{"PoolKey":"FC1","SubsId":"` + subs + `","SecretNo":"17000000001"}`) },
		})
	}
	fence := h.begin(t, "k", time.Minute).Fence
	bound("1000", fence)
	if open := h.open(t); len(open) != 0 {
		t.Fatalf("open are %v", open)
	}
	bound("2000", fence+7)
	if open := h.open(t); !slices.Equal(open, []string{"k"}) {
		t.Fatalf("open are %v", open)
	}
	for range 2 {
		h.sweeps(t)
	}
	if open := h.open(t); !slices.Equal(open, []string{"surplus:2000"}) {
		t.Errorf("open are %v", open)
	}
	opened, err := h.Records.Opened(t.Context(), "surplus:2000", "surplus:1000")
	if err != nil || opened[0].Action != "UnbindSubscription" || opened[1].State != "" {
		t.Errorf("%+v, %v", opened, err)
	}
	if left, err := h.Records.Surpluses(t.Context(), "k"); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// TestSurplusesThatDoNotOpen stay, and are told of now and then.
func TestSurplusesThatDoNotOpen(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	keys := sealtest.New(t)
	lacks := h.Records
	h.Records = h.Records.WithKeys(keys)
	for _, id := range []string{"k", "l"} {
		h.create(t, id)
		fence := h.begin(t, id, time.Minute).Fence
		for i, subs := range []string{"1000", "2000"} {
			h.finish(t, record.Ending{
				ID: id, Fence: fence + int64(i), State: record.Succeeded, SubsID: subs, Result: []byte(`{}`),
				Surplus: func() []byte { return []byte(`{"PoolKey":"FC1","SubsId":"` + subs + `","SecretNo":"17000000001"}`) },
			})
		}
	}
	h.Records = lacks
	h.sweeps(t)
	if open := h.open(t); !slices.Equal(open, []string{"k", "l"}) {
		t.Errorf("open are %v", open)
	}
	if n := strings.Count(h.log.String(), "surplus binding not removed"); n != 1 {
		t.Errorf("told %d times:\n%s", n, h.log)
	}
}

// TestForgottenSurplusOfAnAccount: the account that made a surplus binding removes it.
func TestForgottenSurplusOfAnAccount(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	if _, err := tasks.BindAXN.Enqueue(t.Context(), h.Queue, bindRequest(), tasks.TaskID("k"), tasks.Account("shop")); err != nil {
		t.Fatal(err)
	}
	fence := h.begin(t, "k", time.Minute).Fence
	for i, subs := range []string{"1000", "2000"} {
		h.finish(t, record.Ending{
			ID: "k", Fence: fence + int64(i), State: record.Succeeded, SubsID: subs, Result: []byte(`{}`),
			Surplus: func() []byte { return []byte(`{"PoolKey":"FC1","SubsId":"` + subs + `","SecretNo":"17000000001"}`) },
		})
	}
	h.sweeps(t)
	if opened, err := h.Records.Opened(t.Context(), "surplus:shop:2000"); err != nil || opened[0].Action != "UnbindSubscription" || opened[0].Account != "shop" {
		t.Errorf("%+v, %v", opened, err)
	}
}
