package record_test

import (
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func (s server) reopen(t *testing.T, id string, want record.State) {
	t.Helper()
	if found, err := s.store.Reopen(t.Context(), id, "ops"); err != nil || found != want {
		t.Errorf("reopen %s: %q, %v, want %q", id, found, err, want)
	}
}

// Only what failed is opened again: with all its attempts, without its time to live, and told twice
// it is opened once.
func TestReopen(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "failed")
		fence := s.call(t, "failed", "run-1").Fence
		s.finish(t, record.Ending{ID: "failed", Fence: fence, State: record.Failed, Code: "isv.X", Counts: true, Sent: true})
		s.reopen(t, "failed", record.Queued)
		s.reopen(t, "failed", record.Queued)
		if ttl := s.client.TTL(t.Context(), record.Key("failed")).Val(); ttl != -1 {
			t.Errorf("it lives for %s", ttl)
		}
		if begun := s.call(t, "failed", "run-2"); begun.Attempt != 1 || begun.Call != 2 || string(begun.Request) == "" {
			t.Errorf("%+v", begun)
		}
		if by := s.field(t, "failed", "reopened_by"); by != "ops" {
			t.Errorf("reopened by %q", by)
		}
		s.reopen(t, "failed", record.Calling)

		s.reopen(t, "nobody", "")
		s.create(t, "new")
		s.reopen(t, "new", record.Queued)
		s.hold(t, "held")
		s.reopen(t, "held", record.Uncertain)

		s.hold(t, "retried")
		s.resolve(t, resolved("retried", record.Queued), record.Uncertain, 2)
		begun := s.call(t, "retried", "run-9")
		s.finish(t, record.Ending{ID: "retried", Fence: begun.Fence, State: record.Failed, Counts: true, Sent: true})
		s.reopen(t, "retried", record.Queued)
		s.resolve(t, resolved("retried", record.Queued), record.Queued, 0) // that was another time
	})
}

// A binding that was told to be undone stays a surplus, also when its success is told once more
// after the task was opened again.
func TestSurplusOutlivesReopen(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		fence := s.hold(t, "order")
		s.resolve(t, resolved("order", record.Failed), record.Uncertain, 0)
		late := record.Ending{ID: "order", Fence: fence, State: record.Succeeded, SubsID: "1000", Surplus: func() []byte { return []byte(`{}`) }}
		for range 2 {
			if verdict := s.finish(t, late); verdict != record.Surplus {
				t.Errorf("a late answer: %s", verdict)
			}
			s.reopen(t, "order", record.Queued)
		}
	})
}
