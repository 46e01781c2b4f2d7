package record_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// hold leaves a task uncertain, and returns the fence of the run whose call is in doubt.
func (s server) hold(t *testing.T, id string) int64 {
	t.Helper()
	s.create(t, id)
	fence := s.call(t, id, "lost").Fence
	s.finish(t, record.Ending{ID: id, Fence: fence, State: record.Uncertain, Code: "dyplsq.NoAnswer", Class: "Uncertain", Counts: true, Sent: true, MayHaveRun: true})
	return fence
}

func (s server) resolve(t *testing.T, r record.Resolution, found record.State, delivery int64) {
	t.Helper()
	r.Keep = keep
	state, next, err := s.store.Resolve(t.Context(), r)
	if err != nil || state != found || next != delivery {
		t.Errorf("resolve %s as %s: %s, %d, %v; want %s, %d", r.ID, r.State, state, next, err, found, delivery)
	}
}

func resolved(id string, state record.State) record.Resolution {
	r := record.Resolution{ID: id, State: state, By: "ops"}
	switch state {
	case record.Succeeded:
		r.Code, r.Message, r.Result, r.SubsID = "OK", "settled by hand", []byte(`{"SubsId":"1000"}`), "1000"
	case record.Failed:
		r.Code, r.Message = "dyplsq.NoAnswer", "settled by hand"
	default:
	}
	return r
}

// Only what is uncertain can be settled by hand, and once.
func TestResolveOnce(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		all := []record.State{record.Succeeded, record.Failed, record.Queued}
		for _, to := range all {
			id := string(to)
			s.hold(t, id)
			s.resolve(t, resolved(id, to), record.Uncertain, map[record.State]int64{record.Queued: 2}[to])
			after := s.hash(t, id)
			for _, other := range all {
				r := resolved(id, other)
				r.By = "somebody else"
				s.resolve(t, r, to, 0)
			}
			if diff := cmp.Diff(after, s.hash(t, id)); diff != "" {
				t.Errorf("%s: it was settled twice:\n%s", id, diff)
			}
			if after["resolved_by"] != "ops" || after["resolved_at"] == "" {
				t.Errorf("%s: by %q at %q", id, after["resolved_by"], after["resolved_at"])
			}
		}
		s.resolve(t, resolved("nobody", record.Failed), "", 0)
		s.create(t, "calling")
		s.call(t, "calling", "run")
		s.resolve(t, resolved("calling", record.Failed), record.Calling, 0)
		if s.client.Exists(t.Context(), record.Key("nobody")).Val() != 0 || s.field(t, "calling", "resolved_by") != "" {
			t.Error("what is not uncertain was changed")
		}
	})
}

func TestResolveSettles(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		for _, to := range []record.State{record.Succeeded, record.Failed} {
			fence := s.hold(t, string(to))
			want := resolved(string(to), to)
			s.resolve(t, want, record.Uncertain, 0)
			r := s.read(t, string(to))
			if r.State != to || r.Code != want.Code || string(r.Result) != string(want.Result) || (len(r.Request) == 0) != (to == record.Succeeded) {
				t.Errorf("%s: %+v", to, r)
			}
			if ttl := s.client.PTTL(t.Context(), record.Key(string(to))).Val(); ttl <= 0 || ttl > keep {
				t.Errorf("%s: kept for %s, want %s", to, ttl, keep)
			}
			// The lost answer turns up. It is a surplus, unless it is what the person said.
			same := map[record.State]record.FinishVerdict{record.Succeeded: record.Again, record.Failed: record.Surplus}[to]
			if verdict := s.finish(t, bound(string(to), fence, "1000")); verdict != same {
				t.Errorf("%s, the answer turns up: %s, want %s", to, verdict, same)
			}
			if verdict := s.finish(t, bound(string(to), fence, "2000")); verdict != record.Surplus {
				t.Errorf("%s, another binding turns up: %s, want surplus", to, verdict)
			}
		}
	})
}

// It runs again as if nothing were in doubt, marked for whoever counts numbers; its delivery is not
// lost with a reply.
func TestResolveAsQueued(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		s.call(t, "k", "crashed", func(r *record.Run) { r.Lease = 0 })
		if got := s.lapsed(t, "k", "next", lastCrash); got.State != record.Uncertain {
			t.Fatalf("%+v, want uncertain", got)
		}
		s.resolve(t, resolved("k", record.Queued), record.Uncertain, 2)
		s.resolve(t, resolved("k", record.Queued), record.Uncertain, 2) // the reply was lost
		r := s.read(t, "k")
		if r.State != record.Queued || !r.FinishedAt.IsZero() || len(r.Request) == 0 {
			t.Errorf("record: %+v", r)
		}
		if ttl := s.client.PTTL(t.Context(), record.Key("k")).Val(); ttl != time.Duration(-1) {
			t.Errorf("it would be forgotten in %s", ttl)
		}
		call := s.call(t, "k", "again", lastCrash)
		if call.Attempt != 2 || call.Call != 2 || !call.Suspect || !call.MayHaveRun {
			t.Errorf("the call: %+v", call)
		}
		s.resolve(t, resolved("k", record.Queued), record.Calling, 0)
		s.finish(t, bound("k", call.Fence, "1000"))
	})
}
