package record_test

import (
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

func TestRedeliverCountsOnce(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		redeliver := func(id string, over, want int64) {
			t.Helper()
			got, err := s.store.Redeliver(t.Context(), id, over)
			if err != nil || got != want {
				t.Errorf("redeliver %s after %d: %d, %v, want %d", id, over, got, err, want)
			}
		}
		redeliver("nobody", 1, 0)
		s.create(t, "k")
		redeliver("k", 1, 2)
		redeliver("k", 1, 2) // its reply was lost, or another producer was first
		redeliver("k", 2, 3)
		begun := s.call(t, "k", "run")
		redeliver("k", 3, 0) // whoever calls is delivered
		s.finish(t, waiting("k", begun.Fence))
		redeliver("k", 3, 4)
		s.finish(t, bound("k", s.call(t, "k", "run-2").Fence, "1000"))
		redeliver("k", 4, 0)

		created, err := s.store.Look(t.Context(), []*record.New{{ID: "k", Fingerprint: fingerprint}})
		if err != nil || created[0].Delivery != 4 {
			t.Errorf("%+v, %v", created, err)
		}
	})
}
