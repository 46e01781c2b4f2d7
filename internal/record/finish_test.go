package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func bound(id string, fence int64, subsID string) record.Ending {
	return record.Ending{
		ID: id, Fence: fence, State: record.Succeeded, Code: "OK", Message: "OK", RequestID: "R-" + subsID,
		Result: []byte(`{"SubsId":"` + subsID + `"}`), SubsID: subsID, Surplus: func() []byte { return []byte("undo " + subsID) }, Counts: true, Sent: true,
	}
}

func rejected(id string, fence int64) record.Ending {
	return record.Ending{ID: id, Fence: fence, State: record.Failed, Code: "isv.ILLEGAL_ARGUMENT", Class: "Rejected", Counts: true, Sent: true}
}

func waiting(id string, fence int64) record.Ending {
	return record.Ending{ID: id, Fence: fence, State: record.Waiting, Code: "isp.SYSTEM_ERROR", Class: "Unavailable", Counts: true, Sent: true}
}

func TestFinishWritesTheOutcome(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		expires := time.UnixMilli(time.Now().Add(time.Hour).UnixMilli()).UTC()
		s.create(t, "k")
		ending := bound("k", s.call(t, "k", "run").Fence, "1000")
		ending.ExpiresAt = expires
		if verdict := s.finish(t, ending); verdict != record.Done {
			t.Fatalf("%s, want done", verdict)
		}
		got := s.read(t, "k")
		if got.EnqueuedAt.IsZero() || got.FinishedAt.Before(got.EnqueuedAt) || time.Since(got.FinishedAt).Abs() > time.Minute {
			t.Errorf("enqueued %s, finished %s", got.EnqueuedAt, got.FinishedAt)
		}
		got.EnqueuedAt, got.FinishedAt = time.Time{}, time.Time{}
		want := record.Record{
			ID: "k", Action: "BindAxn", State: record.Succeeded, Attempts: 1, Calls: 1, Code: "OK", Message: "OK", RequestID: "R-1000",
			Request: []byte{}, Result: []byte(`{"SubsId":"1000"}`), ExpiresAt: expires,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// Finish is sent again until there is a reply: the second time it finds its own trace.
func TestFinishAgain(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		for name, ending := range map[string]record.Ending{
			"ok": bound("", 0, "1000"), "ok without SubsId": bound("", 0, ""), "rejected": rejected("", 0), "waiting": waiting("", 0),
			"uncertain": {State: record.Uncertain, Counts: true, Sent: true}, "throttled": {State: record.Waiting, Sent: true},
		} {
			s.create(t, name)
			ending.ID, ending.Fence = name, s.call(t, name, "run").Fence
			if verdict := s.finish(t, ending); verdict != record.Done {
				t.Errorf("%s: %s, want done", name, verdict)
			}
			before := s.client.HGetAll(t.Context(), record.Key(name)).Val()
			if verdict := s.finish(t, ending); verdict != record.Again {
				t.Errorf("%s, a second time: %s, want again", name, verdict)
			}
			if diff := cmp.Diff(before, s.client.HGetAll(t.Context(), record.Key(name)).Val()); diff != "" {
				t.Errorf("%s: the second time changed the record:\n%s", name, diff)
			}
		}
		if verdict := s.finish(t, bound("nobody", 1, "1")); verdict != record.Gone {
			t.Errorf("no record: %s, want unknown", verdict)
		}
		if s.client.Exists(t.Context(), record.Key("nobody")).Val() != 0 {
			t.Error("finish made a record: it would never be forgotten")
		}
	})
}

func TestSupersededRunChangesNothing(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		old := s.call(t, "k", "old", brief, repeatable)
		current := s.lapsed(t, "k", "current", repeatable)
		before := s.client.HGetAll(t.Context(), record.Key("k")).Val()
		for _, e := range []record.Ending{rejected("k", old.Fence), waiting("k", old.Fence), {ID: "k", Fence: old.Fence, State: record.Uncertain}} {
			if verdict := s.finish(t, e); verdict != record.Stale {
				t.Errorf("%s of a superseded run: %s, want stale", e.State, verdict)
			}
		}
		if diff := cmp.Diff(before, s.client.HGetAll(t.Context(), record.Key("k")).Val()); diff != "" {
			t.Errorf("it changed the record:\n%s", diff)
		}
		if verdict := s.finish(t, waiting("k", current.Fence)); verdict != record.Done {
			t.Errorf("the current run: %s, want done", verdict)
		}
	})
}

// A success is never dropped: the number is bound, whoever brings the news.
func TestLateSuccessIsTheOutcome(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		late := map[string]func(id string) (fence int64){
			"uncertain": func(id string) int64 {
				fence := s.call(t, id, "old", brief).Fence
				s.lapsed(t, id, "next", lastCrash)
				return fence
			},
			"another is looking": func(id string) int64 {
				fence := s.call(t, id, "old", brief).Fence
				s.lapsed(t, id, "next")
				return fence
			},
			"another has looked": func(id string) int64 {
				fence := s.call(t, id, "old", brief).Fence
				s.finish(t, doubtful(id, s.lapsed(t, id, "next").Fence, record.DoubtAbsent))
				return fence
			},
			"another calls again": func(id string) int64 {
				fence := s.call(t, id, "old", brief).Fence
				s.finish(t, doubtful(id, s.lapsed(t, id, "next").Fence, record.DoubtCleared))
				s.call(t, id, "third")
				return fence
			},
			"another is calling": func(id string) int64 {
				fence := s.call(t, id, "old", brief, repeatable).Fence
				s.lapsed(t, id, "next", repeatable)
				return fence
			},
			"waiting": func(id string) int64 {
				fence := s.call(t, id, "old", brief, repeatable).Fence
				s.finish(t, waiting(id, s.lapsed(t, id, "next", repeatable).Fence))
				return fence
			},
			"its own doubt": func(id string) int64 { // a run said uncertain, and then the answer turned up
				fence := s.call(t, id, "old").Fence
				s.finish(t, record.Ending{ID: id, Fence: fence, State: record.Uncertain, Counts: true, Sent: true})
				return fence
			},
		}
		for name, prepare := range late {
			s.create(t, name)
			fence := prepare(name)
			if verdict := s.finish(t, bound(name, fence, "1000")); verdict != record.Done {
				t.Errorf("%s: %s, want done", name, verdict)
			}
			if r := s.read(t, name); r.State != record.Succeeded || string(r.Result) != `{"SubsId":"1000"}` || r.Code != "OK" || len(r.Request) != 0 {
				t.Errorf("%s: %+v", name, r)
			}
			if ttl := s.client.PTTL(t.Context(), record.Key(name)).Val(); ttl <= 0 || ttl > keep {
				t.Errorf("%s: kept for %s, want %s", name, ttl, keep)
			}
		}
	})
}
