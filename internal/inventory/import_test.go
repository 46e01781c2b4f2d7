package inventory_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
)

func (s stock) importing(t *testing.T, want inventory.Imported, numbers ...inventory.Number) {
	t.Helper()
	got, err := s.Import(t.Context(), pool, numbers)
	if err != nil || got != want {
		t.Errorf("import: %+v, %v, want %+v", got, err, want)
	}
}

func TestImportDisturbsNothing(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		const many = 1200 // more than one piece
		s.fill(t, numbers(many, "北京", ""))
		wants := []inventory.Want{alone("a"), pair("b", 1, 2), extension("c"), alone("d")}
		got := map[string]inventory.Leased{}
		for _, want := range wants {
			got[want.Task] = s.lease(t, want)
		}
		s.bind(t, wants[1], got["b"])
		s.unbound(t, s.bind(t, wants[3], got["d"]))
		before := s.count(t)
		s.importing(t, inventory.Imported{Known: many}, numbers(many, "北京", "")...)
		if after := s.count(t); after.Counts != before.Counts || after.Total() != many {
			t.Errorf("%+v became %+v", before.Counts, after.Counts)
		}
		// Cities may change, of those in use too.
		s.importing(t, inventory.Imported{Moved: many / 2, Known: many / 2}, numbers(many, "上海", "")...)
		for _, want := range wants[:3] {
			if again := s.lease(t, want); again != got[want.Task] {
				t.Errorf("%s: %+v became %+v", want.Task, got[want.Task], again)
			}
		}
		if by := s.count(t).ByCity; by["北京"].Total() != 0 || by["上海"].Total() != many/2 || by[""].Total() != many/2 {
			t.Errorf("%+v", by)
		}
		s.importing(t, inventory.Imported{Added: 1}, inventory.Number{X: x(5000)})
	})
}

func TestImportRefusesWhatIsNoNumber(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		for _, bad := range []inventory.Number{{X: "17"}, {X: "1700000000a"}, {X: x(1), City: "北京市"}, {X: x(1), City: "a|b"}} {
			if done, err := s.Import(t.Context(), pool, []inventory.Number{{X: x(0)}, bad}); err == nil {
				t.Errorf("%q: %+v", bad, done)
			}
		}
		if has, err := s.Has(t.Context(), pool); has || err != nil {
			t.Errorf("%t, %v", has, err)
		}
	})
}

func TestHas(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		if has, err := s.Has(t.Context(), pool); has || err != nil {
			t.Errorf("%t, %v", has, err)
		}
		s.fill(t, numbers(1)) // here at once; in other processes within seconds
		if has, err := s.Has(t.Context(), pool); !has || err != nil {
			t.Errorf("%t, %v", has, err)
		}
		if pools, err := s.Pools(t.Context()); err != nil || !slices.Equal(pools, []string{pool}) {
			t.Errorf("%q, %v", pools, err)
		}
	})
}

func TestRemove(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(4))
		var all []dypls.Phone
		for i := range 5 {
			all = append(all, x(i))
		}
		held := s.lease(t, alone("held")).X
		s.unbound(t, s.bind(t, alone("rests"), s.lease(t, alone("rests"))))
		removal := inventory.Removal{Pool: pool, Numbers: all}
		_, err := s.Remove(t.Context(), removal)
		if used, ok := errors.AsType[*inventory.InUseError](err); !ok || used.Count != 1 {
			t.Errorf("%v", err)
		}
		if total := s.count(t).Total(); total != 4 {
			t.Errorf("%d numbers are left, none was to be removed", total)
		}
		removal.Force = true
		if got, err := s.Remove(t.Context(), removal); err != nil || got != (inventory.Removed{Gone: 2, Leaving: 2, Unknown: 1}) {
			t.Errorf("%+v, %v", got, err)
		}
		s.none(t, alone("other"))
		for _, n := range all { // what leaves is not set aside, and so not readmitted
			if known, err := s.SetAside(t.Context(), pool, "isv.NO_NOT_EXIST", n); known != 0 || err != nil {
				t.Errorf("%d, %v", known, err)
			}
		}
		if counts := s.count(t).Counts; counts != (inventory.Counts{Leaving: 2}) {
			t.Errorf("%+v", counts)
		}
		if again := s.lease(t, alone("held")).X; again != held {
			t.Error("who held it holds another")
		}
		// One comes back before it has left: it is still held, and the other one rests on.
		s.importing(t, inventory.Imported{Added: 4}, numbers(4)...)
		if counts := s.count(t).Counts; counts != (inventory.Counts{Leased: 1, Resting: 1, Free: 2}) {
			t.Errorf("%+v", counts)
		}
		if got, err := s.Remove(t.Context(), removal); err != nil || got.Leaving != 2 {
			t.Errorf("%+v, %v", got, err)
		}
		s.release(t, inventory.Refusal{Pool: pool, Task: "held", Aside: "isv.NO_NOT_EXIST"})
		s.Forward(cooldown + time.Minute)
		if _, err := s.Sweep(t.Context(), pool); err != nil {
			t.Error(err)
		}
		if total := s.count(t).Total(); total != 0 {
			t.Errorf("%d numbers have not left", total)
		}
	})
}

func TestSetAsideAndReadmit(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(3))
		s.lease(t, pair("pair", 1, 2))
		var all []dypls.Phone
		for i := range 4 {
			all = append(all, x(i))
		}
		if n, err := s.SetAside(t.Context(), pool, "isv.NO_NOT_EXIST", all...); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		s.none(t, alone("alone"))
		s.none(t, pair("pair-2", 3, 4))
		if counts := s.count(t).Counts; counts != (inventory.Counts{Aside: 3}) {
			t.Errorf("%+v", counts)
		}
		s.importing(t, inventory.Imported{Known: 3}, numbers(3)...) // which does not readmit it
		if entries, err := s.List(t.Context(), pool); err != nil || len(entries) != 3 || entries[0].Reason != "isv.NO_NOT_EXIST" {
			t.Errorf("%+v, %v", entries, err)
		}
		for range 2 {
			if n, err := s.Readmit(t.Context(), pool, all...); n != 3 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		}
		first := s.lease(t, pair("pair", 1, 2))
		if got := s.lease(t, pair("pair-2", 3, 4)); got.X != first.X {
			t.Error("the number that is in use has room again")
		}
		s.lease(t, alone("alone"))
		for _, why := range []string{"", "no such number", "~", "-", string(person(1))} {
			if _, err := s.SetAside(t.Context(), pool, why, x(0)); err == nil {
				t.Errorf("the reason %q is taken", why)
			}
		}
	})
}

// People see masked numbers.
func TestListIsMasked(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(3, "北京"))
		want := extension("task")
		got := s.lease(t, want)
		s.bind(t, want, got)
		entries, err := s.List(t.Context(), pool)
		if err != nil || len(entries) != 3 {
			t.Fatalf("%+v, %v", entries, err)
		}
		bound := slices.IndexFunc(entries, func(e inventory.Entry) bool { return e.X == got.X })
		if e := entries[bound]; e.State != inventory.IsBound || e.Kind != inventory.Extension || e.Leases != 1 || e.Bound != 1 || e.City != "北京" {
			t.Errorf("%+v", e)
		}
		if got := fmt.Sprintf("%v %+v %s", entries[1].X, entries[1].X, entries[1].X); got != "170****0001 170****0001 170****0001" {
			t.Errorf("%s", got)
		}
	})
}

// A number is in one pool at the API. An inventory of another pool that had it, too, would offer it
// twice.
func TestImportRefusesNumbersOfAnotherPool(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(3, "", ""))
		_, err := s.Import(t.Context(), "FC-another", append(numbers(5, "", "")[2:], inventory.Number{X: "400123"}))
		elsewhere, is := errors.AsType[*inventory.ElsewhereError](err)
		if !is || len(elsewhere.Pools) != 1 || elsewhere.Pools[pool] != 1 {
			t.Errorf("%v", err)
		}
		if pools, err := s.Pools(t.Context()); err != nil || len(pools) != 1 {
			t.Errorf("a refused import left %v, %v", pools, err)
		}
		if done, err := s.Import(t.Context(), "FC-another", numbers(5, "", "")[3:]); err != nil || done.Added != 2 {
			t.Errorf("numbers of its own: %+v, %v", done, err)
		}
	})
}
