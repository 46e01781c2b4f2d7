package record_test

import (
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func TestRefusal(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		s.finish(t, mayHaveRun("k", s.call(t, "k", "broken").Fence))
		call := s.call(t, "k", "refused")
		if !call.MayHaveRun || call.Suspect {
			t.Errorf("the second call: %+v", call)
		}
		s.finish(t, doubtful("k", call.Fence, record.DoubtRefusal))
		for i, doubt := range []record.Doubt{record.DoubtKept, record.DoubtAbsent, record.DoubtKept} {
			look := s.look(t, "k", string(doubt)+string(rune('0'+i)))
			if look.Refusal != "isv.BIND_CONFLICT" || look.Attempt != 2 || look.Call != 2 || look.Looks != max(0, i-1) {
				t.Errorf("look %d: %+v", i, look)
			}
			s.finish(t, doubtful("k", look.Fence, doubt))
		}
		s.finish(t, bound("k", s.look(t, "k", "found").Fence, "1000"))
		if r := s.read(t, "k"); r.State != record.Succeeded || r.Attempts != 2 || r.Calls != 2 {
			t.Errorf("record: %+v", r)
		}
	})
}

func TestSuspectStays(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "k")
		e := doubtful("k", s.call(t, "k", "lost").Fence, record.NoDoubt)
		e.Suspect, e.MayHaveRun = true, true
		s.finish(t, e)
		for _, run := range []string{"a", "b"} {
			call := s.call(t, "k", run)
			if !call.Suspect || !call.MayHaveRun {
				t.Errorf("%s: %+v, want suspect", run, call)
			}
			s.finish(t, waiting("k", call.Fence))
		}
	})
}
