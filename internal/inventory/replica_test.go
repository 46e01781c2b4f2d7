package inventory_test

import (
	"errors"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/replicas"
)

// TestLeaseWaitsForReplicas: an X that no replica knows of is not to be used, though it is asked
// for again; that a binding exists is written all the same. What a replica that takes over knows is
// the same lease.
func TestLeaseWaitsForReplicas(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	s := stock{inventory.New(master.Client(t), cooldown).WithReplicas(1), master.Client(t)}
	s.fill(t, numbers(3))
	bound := s.lease(t, alone("bound"))

	thaw := replica.Freeze(t)
	for range 2 {
		_, err := s.Lease(t.Context(), alone("k"))
		if _, short := errors.AsType[*replicas.ShortageError](err); !short {
			t.Fatalf("no replica answers: %v", err)
		}
	}
	s.bind(t, alone("bound"), bound)
	thaw()
	leased := s.lease(t, alone("k"))
	s.audit(t)

	master.Kill()
	replica.Promote(t)
	after := stock{inventory.New(replica.Client(t), cooldown), replica.Client(t)}
	if got := after.lease(t, alone("k")); got != leased {
		t.Errorf("%s after the failover, %s before", got.X, leased.X)
	}
	if count := after.count(t); count.Bound != 1 || count.Leased != 1 {
		t.Errorf("%+v", count)
	}
	after.audit(t)
}
