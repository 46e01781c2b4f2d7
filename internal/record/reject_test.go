package record_test

import (
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func (s server) reject(t *testing.T, id string) {
	t.Helper()
	err := s.store.Reject(t.Context(), record.Rejection{
		ID: id, Action: "BindAxn", Code: "dyplsq.InvalidPayload", Message: "the payload cannot be read", Keep: keep,
	})
	if err != nil {
		t.Fatalf("reject %s: %v", id, err)
	}
}

func TestReject(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		begin := func(id string) int64 { s.create(t, id); return s.call(t, id, "run").Fence }
		tests := map[string]struct {
			prepare  func(id string)
			want     record.State
			rejected bool
		}{
			"without a record": {func(string) {}, record.Failed, true},
			"queued":           {func(id string) { s.create(t, id) }, record.Failed, true},
			"waiting":          {func(id string) { s.finish(t, waiting(id, begin(id))) }, record.Failed, true},
			"in doubt": {func(id string) {
				e := waiting(id, begin(id))
				e.Doubt, e.MayHaveRun = record.DoubtCall, true
				s.finish(t, e)
			}, record.Waiting, false},
			"calling":   {func(id string) { begin(id) }, record.Calling, false}, // its outcome is on the way
			"succeeded": {func(id string) { s.finish(t, bound(id, begin(id), "1000")) }, record.Succeeded, false},
			"failed":    {func(id string) { s.finish(t, rejected(id, begin(id))) }, record.Failed, false},
			"uncertain": {func(id string) {
				s.finish(t, record.Ending{ID: id, Fence: begin(id), State: record.Uncertain})
			}, record.Uncertain, false},
		}
		for name, test := range tests {
			test.prepare(name)
			s.reject(t, name)
			s.reject(t, name) // its reply was lost
			r := s.read(t, name)
			if r.State != test.want || (r.Code == "dyplsq.InvalidPayload") != test.rejected {
				t.Errorf("%s: %+v", name, r)
			}
			if !test.rejected {
				continue
			}
			if r.Action != "BindAxn" || r.Class != "Rejected" || r.EnqueuedAt.IsZero() || r.FinishedAt.IsZero() {
				t.Errorf("%s: %+v", name, r)
			}
			if ttl := s.client.PTTL(t.Context(), record.Key(name)).Val(); ttl <= 0 || ttl > keep {
				t.Errorf("%s: kept for %s, want %s", name, ttl, keep)
			}
		}
	})
}

// What was rejected without a record has none of its request: it stands in nobody's way.
func TestCreateAfterReject(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.reject(t, "k")
		s.create(t, "k")
		if ttl := s.client.PTTL(t.Context(), record.Key("k")).Val(); ttl != time.Duration(-1) {
			t.Errorf("the task would be forgotten in %s", ttl)
		}
		if r := s.read(t, "k"); r.State != record.Queued || r.Code != "" {
			t.Errorf("record: %+v", r)
		}
	})
}
