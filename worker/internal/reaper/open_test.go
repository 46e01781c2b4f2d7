package reaper

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// TestUntoldOutcomesAreTold: the worker died between the outcome and the stream.
func TestUntoldOutcomesAreTold(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.create(t, "k", "other")
	h.finish(t, record.Ending{ID: "k", Fence: h.begin(t, "k", time.Minute).Fence, State: record.Failed})
	if open := h.open(t); !slices.Equal(open, []string{"other"}) {
		t.Fatalf("open are %v", open)
	}
	h.wantTold(t, "k failed")
	h.finish(t, record.Ending{ID: "other", Fence: h.begin(t, "other", time.Minute).Fence, State: record.Uncertain})
	h.client.XTrimMaxLen(t.Context(), record.Stream, 0)
	// of no record
	h.client.ZAdd(t.Context(), "dypls:open:{00}", redis.Z{Member: "elsewhere", Score: 1})
	for _, id := range []string{"k", "other"} {
		// puts it back into the index
		if err := h.Records.Reject(t.Context(), record.Rejection{ID: id, Keep: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	h.sweeps(t)
	told := h.told(t)
	slices.Sort(told)
	if !slices.Equal(told, []string{"k failed", "other uncertain"}) {
		t.Errorf("told %q", told)
	}
	if open := h.open(t); !slices.Equal(open, []string{"elsewhere"}) {
		t.Errorf("open are %v", open)
	}
}

// TestMissingRecords: an entry without a record may be one whose producer is about to write it.
func TestMissingRecords(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.create(t, "late", "never")
	h.client.Del(t.Context(), record.Key("late"), record.Key("never"))
	h.sweeps(t)
	if open := h.open(t); len(open) != 2 {
		t.Fatalf("open are %v", open)
	}
	h.sweepsDue(t)
	h.create(t, "late") // as an entry that is there already
	if open := h.open(t); len(open) != 2 {
		t.Fatalf("open are %v", open)
	}
	for _, key := range h.client.Keys(t.Context(), "dypls:open:*").Val() { // half a minute passes
		for _, z := range h.client.ZRangeWithScores(t.Context(), key, 0, -1).Val() {
			h.client.ZIncrBy(t.Context(), key, -60_000, fmt.Sprint(z.Member))
		}
	}
	h.sweepsDue(t)
	if open := h.open(t); !slices.Equal(open, []string{"late"}) {
		t.Errorf("open are %v", open)
	}
	h.wantDeliveries(t, map[string]string{"late.2": "pending"})
}

// TestTenThousandOpen: how long it takes to look at them all, and to deliver them all.
func TestTenThousandOpen(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("heavy")
	}
	h := newHarness(t)
	const many = 10_000
	ids := make([]string, many)
	for i := range ids {
		ids[i] = fmt.Sprint("k", i)
	}
	started := time.Now()
	h.create(t, ids...)
	t.Logf("recorded %d in %s", many, time.Since(started))
	if n := len(h.open(t)); n != many {
		t.Fatalf("%d are open", n)
	}
	started = time.Now()
	h.sweeps(t)
	t.Logf("delivered in %s, making them due included", time.Since(started))
	if n := h.client.LLen(t.Context(), "asynq:{bind}:pending").Val(); n != many {
		t.Errorf("%d are delivered", n)
	}
	started = time.Now()
	h.sweeps(t)
	t.Logf("found delivered in %s, making them due included", time.Since(started))
	started = time.Now()
	h.sweepsDue(t)
	t.Logf("a sweep with none due: %s", time.Since(started))
	if n := h.client.LLen(t.Context(), "asynq:{bind}:pending").Val(); n != many {
		t.Errorf("%d are delivered", n)
	}
}

// TestVisitedWhileKept: where outcomes are kept for a minute, no record is left alone for ten.
func TestVisitedWhileKept(t *testing.T) {
	t.Parallel()
	now := time.Now()
	next := []record.Next{{ID: "late", At: now.Add(visitLate)}, {ID: "soon", At: now.Add(time.Second)}, {ID: "over", Drop: true}}
	whileKept(next, now, time.Minute)
	if !next[0].At.Equal(now.Add(30*time.Second)) || !next[1].At.Equal(now.Add(time.Second)) || !next[2].At.IsZero() {
		t.Errorf("%+v", next)
	}
	whileKept(next, now, 24*time.Hour)
	if !next[0].At.Equal(now.Add(30 * time.Second)) {
		t.Errorf("%+v", next[0])
	}
}
