package worker

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
	y := newYard(t)
	y.create(t, "k", "other")
	y.finish(t, record.Ending{ID: "k", Fence: y.begin(t, "k", time.Minute).Fence, State: record.Failed})
	if open := y.open(t); !slices.Equal(open, []string{"other"}) {
		t.Fatalf("open are %v", open)
	}
	y.wantTold(t, "k failed")
	y.finish(t, record.Ending{ID: "other", Fence: y.begin(t, "other", time.Minute).Fence, State: record.Uncertain})
	y.client.XTrimMaxLen(t.Context(), record.Stream, 0)
	y.client.ZAdd(t.Context(), "dypls:open:{00}", redis.Z{Member: "elsewhere", Score: 1}) // of no record
	for _, id := range []string{"k", "other"} {
		if err := y.records.Reject(t.Context(), record.Rejection{ID: id, Keep: time.Hour}); err != nil { // puts it back into the index
			t.Fatal(err)
		}
	}
	y.sweeps(t)
	told := y.told(t)
	slices.Sort(told)
	if !slices.Equal(told, []string{"k failed", "other uncertain"}) {
		t.Errorf("told %q", told)
	}
	if open := y.open(t); !slices.Equal(open, []string{"elsewhere"}) {
		t.Errorf("open are %v", open)
	}
}

// TestMissingRecords: an entry without a record may be one whose producer is about to write it.
func TestMissingRecords(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.create(t, "late", "never")
	y.client.Del(t.Context(), record.Key("late"), record.Key("never"))
	y.sweeps(t)
	if open := y.open(t); len(open) != 2 {
		t.Fatalf("open are %v", open)
	}
	y.sweepsDue(t)
	y.create(t, "late") // as an entry that is there already
	if open := y.open(t); len(open) != 2 {
		t.Fatalf("open are %v", open)
	}
	for _, key := range y.client.Keys(t.Context(), "dypls:open:*").Val() { // half a minute passes
		for _, z := range y.client.ZRangeWithScores(t.Context(), key, 0, -1).Val() {
			y.client.ZIncrBy(t.Context(), key, -60_000, fmt.Sprint(z.Member))
		}
	}
	y.sweepsDue(t)
	if open := y.open(t); !slices.Equal(open, []string{"late"}) {
		t.Errorf("open are %v", open)
	}
	y.wantDeliveries(t, map[string]string{"late.2": "pending"})
}

// TestTenThousandOpen: how long it takes to look at them all, and to deliver them all.
func TestTenThousandOpen(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("heavy")
	}
	y := newYard(t)
	const many = 10_000
	ids := make([]string, many)
	for i := range ids {
		ids[i] = fmt.Sprint("k", i)
	}
	started := time.Now()
	y.create(t, ids...)
	t.Logf("recorded %d in %s", many, time.Since(started))
	if n := len(y.open(t)); n != many {
		t.Fatalf("%d are open", n)
	}
	started = time.Now()
	y.sweeps(t)
	t.Logf("delivered in %s, making them due included", time.Since(started))
	if n := y.client.LLen(t.Context(), "asynq:{bind}:pending").Val(); n != many {
		t.Errorf("%d are delivered", n)
	}
	started = time.Now()
	y.sweeps(t)
	t.Logf("found delivered in %s, making them due included", time.Since(started))
	started = time.Now()
	y.sweepsDue(t)
	t.Logf("a sweep with none due: %s", time.Since(started))
	if n := y.client.LLen(t.Context(), "asynq:{bind}:pending").Val(); n != many {
		t.Errorf("%d are delivered", n)
	}
}
