package systemtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// listedWithin is when the reaper has looked at a task whose worker died before it told
// the outcome, at the latest.
const listedWithin = 12 * time.Minute

// ListsAgree waits until lists of each state have the tasks that ended in it, by their codes,
// and no other of these tasks.
func (s *System) ListsAgree(t *testing.T, outcomes []tasks.Outcome) {
	t.Helper()
	queue := queuetest.On(t, s.Redis.AppClient(t))
	defer func() { _ = queue.Close() }()
	type ending struct {
		state tasks.State
		code  string
	}
	of, want := map[string]bool{}, map[ending]map[string]bool{{state: tasks.StatePending}: {}}
	for _, o := range outcomes {
		of[o.ID] = true
		for _, e := range []ending{{}, {o.State, ""}, {o.State, o.Code}} {
			if want[e] == nil {
				want[e] = map[string]bool{}
			}
			want[e][o.ID] = true
		}
	}
	for e, ids := range want {
		f := tasks.Filter{Code: e.code, Limit: 100}
		if e.state != "" {
			f.States = []tasks.State{e.state}
		}
		const what = "lists that agree with the outcomes"
		redistest.Poll(t, listedWithin, what, func(ctx context.Context) error {
			listed, err := listed(ctx, queue, f, of)
			if diff := cmp.Diff(ids, listed); err == nil && diff != "" {
				err = fmt.Errorf("%+v (-want +got):\n%s", e, diff)
			}
			return err
		})
	}
}

// listed are those of some tasks that a filter finds.
func listed(
	ctx context.Context,
	queue *tasks.Queue,
	f tasks.Filter,
	some map[string]bool,
) (ids map[string]bool, err error) {
	ids = map[string]bool{}
	for {
		views, next, err := queue.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, v := range views {
			switch {
			case ids[v.ID]:
				return nil, fmt.Errorf("%s is listed twice", v.ID)
			case some[v.ID]:
				ids[v.ID] = true
			}
		}
		if f.Cursor = next; next == "" {
			return ids, nil
		}
	}
}
