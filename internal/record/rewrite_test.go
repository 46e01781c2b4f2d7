package record_test

import (
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// The request that a run found out is every later run's, and a run that was superseded changes
// nothing.
func TestRewrite(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "unbind", func(n *record.New) { n.Undoes = "bind" })
		first := s.call(t, "unbind", "run-1", brief, repeatable)
		if first.Undoes != "bind" {
			t.Errorf("it undoes %q", first.Undoes)
		}
		second := s.lapsed(t, "unbind", "run-2", repeatable)
		for fence, want := range map[int64]bool{first.Fence: false, second.Fence: true} {
			held, err := s.store.Rewrite(t.Context(), "unbind", "", fence, []byte(`{"SubsId":"1"}`))
			if err != nil || held != want {
				t.Errorf("rewrite with fence %d: %t, %v", fence, held, err)
			}
		}
		s.finish(t, record.Ending{ID: "unbind", Fence: second.Fence, State: record.Waiting})
		if third := s.call(t, "unbind", "run-3", repeatable); third.Undoes != "bind" || string(third.Request) != `{"SubsId":"1"}` {
			t.Errorf("later it undoes %q by %s", third.Undoes, third.Request)
		}
	})
}
