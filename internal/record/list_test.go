package record_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

func ids(records []record.Record) (ids []string) {
	for _, r := range records {
		ids = append(ids, r.ID)
	}
	return ids
}

// Lists begin with what was settled last, or enqueued last where it is open, whatever their pages.
func TestListIsInOrder(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		begin := s.now(t).Truncate(time.Millisecond)
		var want []string
		for n := range 40 {
			id := fmt.Sprint("k", n)
			s.create(t, id)
			at := begin.Add(time.Duration(n) * time.Second)
			s.client.HSet(t.Context(), record.Key(id), "enqueued_at", at.UnixMilli())
			s.client.ZAdd(t.Context(), record.CatalogKey(id), redis.Z{Score: float64(at.UnixMilli()), Member: id})
			want = append([]string{id}, want...)
		}
		open := []record.State{record.Queued, record.Calling}
		for _, most := range []int{1, 7, 40, 41, 1000} {
			for _, states := range [][]record.State{nil, open} {
				if got := ids(s.listAll(t, record.Selection{Most: most, States: states})); !slices.Equal(got, want) {
					t.Errorf("in pages of %d, %v:\n%s", most, states, cmp.Diff(want, got))
				}
			}
		}
		since := begin.Add(30 * time.Second)
		if got := ids(s.listAll(t, record.Selection{Most: 4, Since: since})); !slices.Equal(got, want[:10]) {
			t.Errorf("since 30 s:\n%s", cmp.Diff(want[:10], got))
		}
		late := "k0"
		s.finish(t, bound(late, s.call(t, late, "run").Fence, "1000"))
		s.client.HSet(t.Context(), record.Key(late), "finished_at", begin.Add(time.Minute).UnixMilli())
		s.client.ZAdd(t.Context(), record.CatalogKey(late), redis.Z{Score: float64(begin.Add(time.Minute).UnixMilli()), Member: late})
		if got := ids(s.listAll(t, record.Selection{Most: 4, Since: since})); len(got) != 11 || got[0] != late {
			t.Errorf("what was settled last comes first, and since then: %q", got)
		}
		if got := ids(s.listAll(t, record.Selection{Most: 4, States: open})); !slices.Equal(got, want[:39]) {
			t.Errorf("open:\n%s", cmp.Diff(want[:39], got))
		}
	})
}

func (s server) now(t *testing.T) time.Time {
	t.Helper()
	now, err := s.client.Time(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// Thousands that were settled in one millisecond are all listed, each once.
func TestListOfOneMoment(t *testing.T) {
	t.Parallel()
	s := onOneServer(t)
	const many = 3000
	for n := range many {
		id := fmt.Sprint("k", n)
		s.client.HSet(t.Context(), record.Key(id), "state", "failed", "code", "isv.X", "action", "BindAxn", "finished_at", 1_700_000_000_000)
	}
	told := make([]record.Open, many)
	for n := range told {
		told[n] = record.Open{ID: fmt.Sprint("k", n), State: record.Failed, Code: "isv.X", Finished: time.UnixMilli(1_700_000_000_000)}
	}
	if err := s.store.Tell(t.Context(), told); err != nil {
		t.Fatal(err)
	}
	for _, sel := range []record.Selection{
		{Most: 1000},
		{Most: 700, States: []record.State{record.Failed}},
		{Most: 300, States: []record.State{record.Failed, record.Uncertain}, Code: "isv.X"},
	} {
		found := ids(s.listAll(t, sel))
		slices.Sort(found)
		if len(found) != many || len(slices.Compact(found)) != many {
			t.Errorf("%+v: %d are listed, want %d", sel, len(found), many)
		}
	}
}

// A list that meets little of what it looks at ends a page without it, and goes on.
func TestListLooksAtSomeAtOnce(t *testing.T) {
	t.Parallel()
	s := onOneServer(t)
	const many = 45_000
	for first := 0; first < many; first += 5000 {
		_, err := s.client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			for n := first; n < first+5000; n++ {
				id := fmt.Sprint("k", n)
				p.HSet(t.Context(), record.Key(id), "state", "succeeded", "action", "BindAxn", "finished_at", 1_700_000_000_000+n)
				p.ZAdd(t.Context(), record.CatalogKey(id), redis.Z{Score: float64(1_700_000_000_000 + n), Member: id})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.client.HSet(t.Context(), record.Key("k3"), "action", "BindAxb")
	pages := 0
	sel := record.Selection{Action: "BindAxb", Most: 10}
	for {
		found, next, err := s.store.List(t.Context(), sel)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		if sel.From = next; next == (record.Position{}) {
			if !slices.Equal(ids(found), []string{"k3"}) {
				t.Errorf("found %v at last", ids(found))
			}
			break
		}
		if len(found) > 0 {
			t.Errorf("page %d has %v", pages, ids(found))
		}
	}
	if pages != 3 {
		t.Errorf("%d pages, want 3", pages)
	}
}

// Accounts and actions are told apart.
func TestListOfAccounts(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		s.create(t, "own")
		s.create(t, "shops", func(n *record.New) { n.Account = "shop" })
		s.create(t, "unbind", func(n *record.New) { n.Action = "UnbindSubscription" })
		own, shop := "", "shop"
		for want, sel := range map[string]record.Selection{
			"[shops]":      {Account: &shop},
			"[unbind]":     {Account: &own, Action: "UnbindSubscription"},
			"[own unbind]": {Account: &own},
		} {
			sel.Most = 10
			got := ids(s.listAll(t, sel))
			slices.Sort(got)
			if fmt.Sprint(got) != want {
				t.Errorf("%+v lists %v, want %s", sel, got, want)
			}
		}
	})
}

// A task is listed from its outcome on, though nobody has told the outcome yet, and once.
func TestListOfUntoldOutcomes(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		_, s.store = record.NewTeller(s.store) // which does not run
		for _, id := range []string{"a", "b"} {
			s.create(t, id, func(n *record.New) { n.Handover = &record.Handover{Script: nowhere} })
			begun := s.begin(t, id, "run")
			s.finish(t, record.Ending{ID: id, Fence: begun.Fence, State: record.Succeeded, Code: "OK", Keep: time.Hour})
		}
		listed := func(when string) {
			t.Helper()
			got := ids(s.listAll(t, record.Selection{Most: 10}))
			if slices.Sort(got); !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("%s: %q", when, got)
			}
		}
		listed("untold")
		opened, err := s.store.Opened(t.Context(), "a", "b")
		if err == nil {
			err = s.store.Tell(t.Context(), opened[:1])
		}
		if err != nil {
			t.Fatal(err)
		}
		listed("one of them told")
	})
}

// afterRead runs once, after the catalog was read.
type afterRead struct {
	commands
	once sync.Once
	run  func()
}

// ProcessPipelineHook implements [redis.Hook].
func (a *afterRead) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if cmds[0].Name() == "zrevrangebyscore" {
			a.once.Do(a.run)
		}
		return err
	}
}

// A task whose outcome is told between two reads of a list is listed.
func TestListWhileOutcomesAreTold(t *testing.T) {
	t.Parallel()
	s := server{client: redistest.Start(t).Client(t)}
	_, s.store = record.NewTeller(record.NewStore(s.client)) // which does not run
	for _, id := range []string{"a", "b"} {
		s.create(t, id, func(n *record.New) { n.Handover = &record.Handover{Script: nowhere} })
	}
	begun := s.begin(t, "a", "run")
	s.finish(t, record.Ending{ID: "a", Fence: begun.Fence, State: record.Succeeded, Code: "OK", Keep: time.Hour})
	s.client.AddHook(&afterRead{commands: commands{names: map[string]int{}}, run: func() {
		opened, err := s.store.Opened(t.Context(), "a")
		if err == nil {
			err = s.store.Tell(t.Context(), opened)
		}
		if err != nil {
			t.Error(err)
		}
	}})
	for _, when := range []string{"told meanwhile", "told before"} {
		got := ids(s.listAll(t, record.Selection{Most: 10}))
		if slices.Sort(got); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("%s: %q", when, got)
		}
	}
}

// New tasks that are to run at once are listed by their entries of the index, by when they were
// enqueued, until the reaper visits them, and as before from then on.
func TestListOfNewTasks(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		var want []string
		for n := range 150 {
			id := fmt.Sprint("k", n)
			s.create(t, id, func(n *record.New) { n.Handover = &record.Handover{Script: nowhere} })
			want = append([]string{id}, want...)
		}
		if n := s.entries(t); n != 0 {
			t.Errorf("the catalog has %d entries", n)
		}
		check := func(when string) {
			t.Helper()
			for _, most := range []int{1, 40, 1000} {
				got := s.listAll(t, record.Selection{Most: most})
				if !slices.IsSortedFunc(got, func(a, b record.Record) int { return b.EnqueuedAt.Compare(a.EnqueuedAt) }) {
					t.Errorf("%s, in pages of %d, the order is\n%s", when, most, cmp.Diff(want, ids(got)))
				}
				found := ids(got)
				slices.Sort(found)
				if len(found) != len(want) || len(slices.Compact(found)) != len(want) {
					t.Errorf("%s, in pages of %d: %d of %d", when, most, len(found), len(want))
				}
			}
		}
		check("new")
		now := s.now(t)
		for n, id := range want {
			if n%2 > 0 {
				continue
			}
			opened, err := s.store.Opened(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			next := []record.Next{{ID: id, At: now.Add(10 * time.Minute)}}
			if err := s.store.Defer(t.Context(), record.Due{Now: now.Add(time.Hour), Open: opened}, next); err != nil {
				t.Fatal(err)
			}
		}
		check("half of them visited")
	})
}
