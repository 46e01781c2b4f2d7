package record_test

import (
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// TestCancelAfterACutCall: a task whose worker ended during a call can be withdrawn where its calls
// only read; where they change something, that call may have taken effect.
func TestCancelAfterACutCall(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		reads := func(r *record.Run) { r.Repeatable, r.Reads = true, true }
		for id, test := range map[string]struct {
			kind func(*record.Run)
			want record.State
		}{"reads": {reads, record.Canceled}, "changes": {repeatable, record.Doubtful}} {
			s.create(t, id)
			s.call(t, id, "crash", brief, test.kind)
			begun := s.lapsed(t, id, "next", test.kind)
			if begun.Verdict != record.Go || begun.MayHaveRun != (test.want == record.Doubtful) {
				t.Errorf("%s: %+v", id, begun)
			}
			if found, err := s.store.Cancel(t.Context(), id, keep); err != nil || found != record.Calling {
				t.Errorf("%s: while its call is out it is found %s, %v", id, found, err)
			}
			s.finish(t, waiting(id, begun.Fence))
			if found, err := s.store.Cancel(t.Context(), id, keep); err != nil || found != test.want {
				t.Errorf("%s: it is found %s, %v, want %s", id, found, err, test.want)
			}
		}
	})
}
