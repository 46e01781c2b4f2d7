package record_test

import (
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func TestRenewKeepsTheClaimOfALook(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		renew := func(id string, fence int64, want bool) {
			t.Helper()
			held, err := s.store.Renew(t.Context(), id, fence, long)
			if err != nil || held != want {
				t.Errorf("renew %s: %t, %v, want %t", id, held, err, want)
			}
		}
		renew("nobody", 1, false)
		if s.client.Exists(t.Context(), record.Key("nobody")).Val() != 0 {
			t.Error("renew made a record")
		}
		s.create(t, "k")
		call := s.call(t, "k", "lost")
		renew("k", call.Fence, false) // a call ends before its claim does
		s.finish(t, doubtful("k", call.Fence, record.DoubtCall))
		renew("k", call.Fence, false)

		look := s.look(t, "k", "look", func(r *record.Run) { r.Lease = 0 })
		renew("k", look.Fence, true)
		if got := s.begin(t, "k", "other"); got.Verdict != record.Busy || got.Busy < long-30*time.Second {
			t.Errorf("another run: %+v, want busy for %s", got, long)
		}
		renew("k", look.Fence-1, false)
		s.finish(t, doubtful("k", look.Fence, record.DoubtKept))
		renew("k", look.Fence, false) // too late: it may be another's turn

		next := s.look(t, "k", "next")
		renew("k", look.Fence, false)
		s.finish(t, bound("k", next.Fence, "1000"))
		claimed := s.field(t, "k", "claim_until")
		renew("k", next.Fence, false)
		if s.field(t, "k", "claim_until") != claimed {
			t.Error("what is settled is claimed")
		}
	})
}
