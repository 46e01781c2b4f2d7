package tasks_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestQueueOptionsOutOfBoundsWriteNothing: a record that is kept for no time would end its key's protection, and the request could
// be made a second time under it. Whatever is out of bounds is refused before Redis is touched.
func TestQueueOptionsOutOfBoundsWriteNothing(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	s.enqueue(t, tasks.TaskID("waits"), tasks.ProcessIn(30*time.Minute))
	before := dump(t, s.client)
	for name, option := range map[string]tasks.QueueOption{
		"Keep 0": tasks.Keep(0), "Keep negative": tasks.Keep(-5 * time.Second), "Keep 59s": tasks.Keep(59 * time.Second), "Keep for ever": tasks.Keep(math.MaxInt64),
		"RecordingRetention 0": tasks.RecordingRetention(0), "RecordingRetention negative": tasks.RecordingRetention(-time.Hour),
		"RecordingRetention for ever": tasks.RecordingRetention(math.MaxInt64),
		"WaitReplicas negative":       tasks.WaitReplicas(-1), "WaitReplicas beyond any": tasks.WaitReplicas(1 << 30),
		"Shards 0": tasks.Shards(0), "Shards negative": tasks.Shards(-1), "Shards 65": tasks.Shards(65),
	} {
		field, _, _ := strings.Cut(name, " ")
		refused := func(step string, err error) {
			t.Helper()
			invalid, ok := errors.AsType[*dypls.ValidationError](err)
			if !ok || len(invalid.Problems) != 1 || invalid.Problems[0].Field != field || invalid.Problems[0].Remedy == "" {
				t.Errorf("%s: %s: %v", name, step, err)
			}
		}
		if _, err := tasks.Open(s.url, option); err == nil {
			t.Errorf("%s: it opens", name)
		} else {
			refused("Open", err)
		}
		queue := tasks.NewQueue(s.client, option)
		_, err := tasks.BindAXN.Enqueue(t.Context(), queue, axn())
		refused("Enqueue", err)
		refused("Cancel", queue.Cancel(t.Context(), "waits"))
		refused("Resolve", queue.Resolve(t.Context(), "waits", tasks.Resolution{Failed: true, By: "ann"}))
		if err := queue.Close(); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(before, dump(t, s.client)); diff != "" {
		t.Error(diff)
	}
	_, err := tasks.Open(s.url, tasks.Keep(0), tasks.WaitReplicas(-1), tasks.Shards(0), tasks.RecordingRetention(0))
	if err == nil || !strings.HasPrefix(err.Error(), "4 problems: ") {
		t.Errorf("not everything at once: %v", err)
	}
}

// TestTaskOptionsOutOfBoundsAreRefused: nothing is not no bound, and no task is put off for longer than anything lives.
func TestTaskOptionsOutOfBoundsAreRefused(t *testing.T) {
	t.Parallel()
	s := onMiniredis(t)
	unbind := dypls.UnbindSubscriptionRequest{PoolKey: "FC1", SubsID: "1", SecretNo: numberX}
	for name, test := range map[string]struct {
		field  string
		option tasks.Option
	}{
		"within nothing": {"Within", tasks.Within(0)}, "within less": {"Within", tasks.Within(-time.Second)}, "within 292 years": {"Within", tasks.Within(math.MaxInt64)},
		"in the past": {"ProcessIn", tasks.ProcessIn(-time.Second)}, "in 228 years": {"ProcessIn", tasks.ProcessIn(2_000_000 * time.Hour)},
	} {
		_, err := tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, unbind, test.option)
		invalid, ok := errors.AsType[*dypls.ValidationError](err)
		if !ok || invalid.Problems[0].Field != test.field || invalid.Problems[0].Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if keys := dump(t, s.client); len(keys) != 0 {
		t.Errorf("something was written: %v", keys)
	}
	for _, option := range []tasks.Option{tasks.Within(time.Millisecond), tasks.ProcessIn(0)} {
		if _, err := tasks.UnbindSubscription.Enqueue(t.Context(), s.queue, unbind, option); err != nil {
			t.Error(err)
		}
	}
}
