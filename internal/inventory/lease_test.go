package inventory_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
)

func TestAloneHasItsNumberAlone(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(3))
		seen := map[dypls.Phone]bool{}
		for i := range 3 {
			seen[s.lease(t, alone(fmt.Sprint("task-", i))).X] = true
		}
		if len(seen) != 3 {
			t.Errorf("3 leases hold %d numbers", len(seen))
		}
		if next := s.none(t, alone("task-3")); !next.IsZero() {
			t.Errorf("nothing rests, and the next is said to be free at %s", next)
		}
	})
}

func TestSameTaskSameNumber(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(10))
		for _, want := range []inventory.Want{alone("a"), pair("b", 1, 2), extension("c")} {
			first := s.lease(t, want)
			again := s.lease(t, want)
			if first != again || !first.Listed {
				t.Errorf("%s: %+v, and again %+v", want.Kind, first, again)
			}
			s.bind(t, want, first)
			if after := s.lease(t, want); after != first {
				t.Errorf("%s: %+v, and bound %+v", want.Kind, first, after)
			}
		}
		if counts := s.count(t); counts.Leases != 3 || counts.Bound != 3 || counts.Unsettled != 0 {
			t.Errorf("%+v", counts)
		}
	})
}

func TestExtensionsShareANumber(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		const each = 900
		s.fill(t, numbers(2))
		seen := map[inventory.Leased]bool{}
		on := map[dypls.Phone]int{}
		for i := range each + 5 {
			got := s.lease(t, extension(fmt.Sprint("task-", i)))
			if len(got.Extension) != 3 || got.Extension < "100" {
				t.Fatalf("extension %q", got.Extension)
			}
			seen[got] = true
			on[got.X]++
		}
		if len(seen) != each+5 || on[x(0)]+on[x(1)] != each+5 || max(on[x(0)], on[x(1)]) != each {
			t.Errorf("%d extensions on %v", len(seen), on)
		}
		s.none(t, alone("alone"))
	})
}

func TestWantThatIsNone(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		wants := map[string]inventory.Want{
			"no kind":              {Pool: pool, Task: "t"},
			"no task":              {Pool: pool, Kind: inventory.Alone},
			"half a pair":          {Pool: pool, Task: "t", Kind: inventory.Pair, A: person(1)},
			"a task of two":        {Pool: pool, Task: "t 2", Kind: inventory.Alone},
			"X is no number":       {Pool: pool, Task: "t", Kind: inventory.Alone, X: "170x"},
			"an extension of four": {Pool: pool, Task: "t", Kind: inventory.Extension, X: x(0), Extension: "1000"},
		}
		for name, want := range wants {
			if got, err := s.Lease(t.Context(), want); err == nil {
				t.Errorf("%s: %+v", name, got)
			}
		}
		if diff := cmp.Diff(inventory.Counts{Free: 1}, s.count(t).Counts); diff != "" {
			t.Error(diff)
		}
	})
}
