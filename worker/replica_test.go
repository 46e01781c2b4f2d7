package worker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestNoCallLeavesWithoutReplicas: while no replica answers no call leaves and no attempt is used
// up; then all succeed at once.
func TestNoCallLeavesWithoutReplicas(t *testing.T) {
	t.Parallel()
	const binds = 20
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	s := newWorkerHarnessOn(t, master, quick, dyplstest.Config{}, func(c *Config) { c.WaitReplicas = 1 })
	s.bind(t, "before")
	s.outcome(t, "before")
	replica.Freeze(t)
	for i := range binds {
		s.bind(t, fmt.Sprint("k", i))
	}
	s.logged(t, "too few replicas acknowledge; holding calls")
	redistest.Poll(t, outcomeWithin, "every bind to be handed back", func(ctx context.Context) error {
		for i := range binds {
			opened, err := s.queue.View(ctx, fmt.Sprint("k", i))
			if err != nil {
				return err
			}
			if opened.State != "waiting" {
				return fmt.Errorf("%s is %s", opened.ID, opened.State)
			}
			if opened.Attempts != 0 {
				t.Fatalf("%s used up %d attempts", opened.ID, opened.Attempts)
			}
		}
		return nil
	})
	if n := s.calls("BindAxn"); n != 1 {
		t.Errorf("%d calls arrived while no replica answered, want the one from before", n)
	}
	thawed := time.Now()
	replica.Thaw(t)
	for i := range binds {
		if o := s.outcome(t, fmt.Sprint("k", i)); o.State != tasks.StateSucceeded || o.Calls != 1 || o.Attempts != 1 {
			t.Errorf("%s is %s after %d calls, %d attempts", o.ID, o.State, o.Calls, o.Attempts)
		}
	}
	t.Logf("all succeeded %s after the replica went on", time.Since(thawed).Round(time.Millisecond))
	if n := s.performed("BindAxn"); n != binds+1 {
		t.Errorf("%d binds took effect, want %d", n, binds+1)
	}
}

// TestOutcomeStandsWithoutReplicas: an outcome that no replica has is told all the same.
func TestOutcomeStandsWithoutReplicas(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	s := newWorkerHarnessOn(t, master, quick, dyplstest.Config{
		Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.Slow, Delay: 2 * time.Second}},
	}, func(c *Config) { c.WaitReplicas = 1 })
	s.bind(t, "k")
	redistest.Poll(t, outcomeWithin, "the call to be out", func(context.Context) error {
		if s.calls("BindAxn") == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	replica.Freeze(t)
	if o := s.outcome(t, "k"); o.State != tasks.StateSucceeded || o.Calls != 1 {
		t.Errorf("%s after %d calls", o.State, o.Calls)
	}
	s.logged(t, "outcome written, but too few replicas")
}
