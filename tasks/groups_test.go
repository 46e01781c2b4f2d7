package tasks_test

import (
	"errors"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestGroupIsRemoved: a group that is removed has nothing pending, and begins anew when somebody
// collects for it.
func TestGroupIsRemoved(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		stand := func() []tasks.GroupStats {
			t.Helper()
			groups, err := s.queue.Groups(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return groups
		}
		remove := func(want bool) {
			t.Helper()
			if removed, err := s.queue.RemoveGroup(t.Context(), "billing"); removed != want || err != nil {
				t.Errorf("removed %t, %v", removed, err)
			}
		}
		if groups := stand(); len(groups) != 0 {
			t.Errorf("%+v", groups)
		}
		remove(false)
		s.enqueue(t, tasks.TaskID("a"))
		s.fail(t, "a")
		wantCollected(t, s.queue, "billing", 0, "a failed")
		if groups := stand(); len(groups) != 1 || groups[0].Group != "billing" || groups[0].Pending != 1 || groups[0].Idle > time.Minute {
			t.Errorf("%+v", groups)
		}
		remove(true)
		remove(false)
		if groups := stand(); len(groups) != 0 {
			t.Errorf("%+v", groups)
		}
		wantCollected(t, s.queue, "billing", 0, "a failed")
		for _, name := range []string{"", "dyplsq.callbacks"} {
			_, err := s.queue.RemoveGroup(t.Context(), name)
			if _, invalid := errors.AsType[*dypls.ValidationError](err); !invalid {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}
