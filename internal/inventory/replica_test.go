package inventory_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/replicas"
)

// leaseOnReplica leases an X that a replica knows of. A busy one may take longer than a lease waits
// for it: the lease is then repeated, as by the task's next run.
func (s stock) leaseOnReplica(t *testing.T, want inventory.Want) (got inventory.Leased) {
	t.Helper()
	redistest.Poll(t, time.Minute, "a replica to know of the lease", func(ctx context.Context) (err error) {
		got, err = s.Lease(ctx, want)
		return err
	})
	return got
}

// TestLeaseWaitsForReplicas: an X that no replica knows of is not to be used, though it is asked
// for again; that a binding exists is written all the same. What a replica that takes over knows is
// the same lease.
func TestLeaseWaitsForReplicas(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	s := stock{inventory.New(master.Client(t), cooldown).WithReplicas(1), master.Client(t)}
	s.fill(t, numbers(3))
	bound := s.leaseOnReplica(t, alone("bound"))

	thaw := replica.Freeze(t)
	for range 2 {
		_, err := s.Lease(t.Context(), alone("k"))
		if _, short := errors.AsType[*replicas.ShortageError](err); !short {
			t.Fatalf("no replica answers: %v", err)
		}
	}
	s.bind(t, alone("bound"), bound)
	thaw()
	leased := s.leaseOnReplica(t, alone("k"))
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

// TestLeaseIsOnAReplicaAtOnce: where replicas are there, a lease is with one when it is returned,
// but for those that a busy replica is late for.
func TestLeaseIsOnAReplicaAtOnce(t *testing.T) {
	t.Parallel()
	const leases = 30
	master := redistest.Start(t)
	redistest.StartReplica(t, master)
	s := stock{inventory.New(master.Client(t), cooldown).WithReplicas(1), master.Client(t)}
	s.fill(t, numbers(leases))
	prompt := 0
	for n := range leases {
		if _, err := s.Lease(t.Context(), alone(fmt.Sprint("k", n))); err == nil {
			prompt++
		}
	}
	if prompt == 0 {
		t.Error("no replica had a lease when it was returned")
	}
}

// TestProlongWaitsForReplicas: a call that makes an expiry later is not to leave before a replica
// knows of it; the one that takes over then holds the number as long.
func TestProlongWaitsForReplicas(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	s := stock{inventory.New(master.Client(t), cooldown).WithReplicas(1), master.Client(t)}
	s.fill(t, numbers(1))
	b := s.bind(t, alone("task"), s.leaseOnReplica(t, alone("task")))
	later := inventory.Change{
		Pool: pool, X: b.X, SubsID: b.SubsID, Until: b.Until.Add(time.Hour).Truncate(time.Millisecond),
	}

	thaw := replica.Freeze(t)
	for n := range 2 {
		was, err := s.Prolong(t.Context(), later)
		if _, short := errors.AsType[*replicas.ShortageError](err); !short {
			t.Fatalf("no replica answers: %v", err)
		}
		if was.IsZero() != (n > 0) {
			t.Errorf("try %d: before it was %s", n, was)
		}
	}
	thaw()
	redistest.Poll(t, time.Minute, "a replica to have the later expiry", func(ctx context.Context) error {
		_, err := s.Prolong(ctx, later)
		return err
	})

	master.Kill()
	replica.Promote(t)
	after := stock{inventory.New(replica.Client(t), cooldown), replica.Client(t)}
	h, held, err := after.Holding(t.Context(), pool, "task")
	if err != nil || !held || !h.Until.Equal(later.Until) {
		t.Errorf("after the failover it is held until %s, %t, %v; want %s", h.Until, held, err, later.Until)
	}
}
