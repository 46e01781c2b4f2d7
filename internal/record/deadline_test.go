package record_test

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// over ends a task's time.
func (s server) over(t *testing.T, id string) {
	t.Helper()
	s.client.HSet(t.Context(), record.Key(id), "deadline", 1)
}

func TestPastDeadlineNoCallStarts(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "new", func(n *record.New) { n.Deadline = time.Now().Add(-time.Millisecond) })
		s.create(t, "waiting")
		begun := s.call(t, "waiting", "run-1")
		s.finish(t, record.Ending{ID: "waiting", Fence: begun.Fence, State: record.Waiting, Code: "isv.FLOW_LIMIT", Counts: true, Sent: true})
		s.over(t, "waiting")
		s.create(t, "lost-reply")
		s.call(t, "lost-reply", "run")
		s.over(t, "lost-reply")

		for id, want := range map[string]struct {
			words string
			calls int
		}{
			"new":     {"before a call could start", 0},
			"waiting": {"isv.FLOW_LIMIT", 1}, // what kept it from succeeding is told
			// granted in time, but the reply came too late to be of use: nothing was sent, and nothing
			// counts
			"lost-reply": {"before a call could start", 0},
		} {
			got := s.begin(t, id, "run")
			r := s.read(t, id)
			if got.Verdict != record.Settled || got.State != record.Failed || r.Code != "dyplsq.Expired" || !strings.Contains(r.Message, want.words) || r.Calls != want.calls {
				t.Errorf("%s: %+v, %+v", id, got, r)
			}
			if ttl := s.client.PTTL(t.Context(), record.Key(id)).Val(); ttl <= 0 || ttl > keep {
				t.Errorf("%s is kept for %s, want %s", id, ttl, keep)
			}
		}
	})
}

// What a bind did matters more than that its time is over: only calls end with it, looks go on.
func TestPastDeadlineLooksGoOn(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		tests := map[string]struct {
			prepare func(id string)
			run     string
			refusal string
		}{
			"crashed":      {func(id string) { s.call(t, id, "crashed", func(r *record.Run) { r.Lease = 0 }) }, "next", ""},
			"in doubt":     {func(id string) { s.finish(t, doubtful(id, s.call(t, id, "lost").Fence, record.DoubtCall)) }, "next", ""},
			"may have run": {func(id string) { s.finish(t, mayHaveRun(id, s.call(t, id, "broken").Fence)) }, "next", "dyplsq.Expired"},
			"may have run, and a reply was lost": {func(id string) {
				s.finish(t, mayHaveRun(id, s.call(t, id, "broken").Fence))
				s.call(t, id, "next")
			}, "next", "dyplsq.Expired"},
		}
		for name, test := range tests {
			s.create(t, name)
			test.prepare(name)
			s.over(t, name)
			look := s.lapsed(t, name, test.run)
			if look.Verdict != record.Look || look.Refusal != test.refusal || look.Attempt != 1 || look.Call != 1 {
				t.Errorf("%s: %+v, want a look because of %q", name, look, test.refusal)
			}
			s.finish(t, doubtful(name, look.Fence, record.DoubtAbsent))
			if again := s.look(t, name, "again"); again.Looks != 1 || again.Refusal != test.refusal {
				t.Errorf("%s: %+v", name, again)
			}
		}
		s.create(t, "repeatable")
		s.finish(t, mayHaveRun("repeatable", s.call(t, "repeatable", "broken", repeatable).Fence))
		s.over(t, "repeatable")
		if got := s.begin(t, "repeatable", "next", repeatable); got.Verdict != record.Settled || got.State != record.Failed {
			t.Errorf("what may be repeated needs no look: %+v", got)
		}
	})
}
