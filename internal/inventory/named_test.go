package inventory_test

import (
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
)

func TestCallerNamesTheNumber(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(3))
		named := func(want inventory.Want, n int) inventory.Want {
			want.X = x(n)
			return want
		}
		first := named(alone("first"), 0)
		if got := s.lease(t, first); got != (inventory.Leased{X: x(0), Listed: true}) {
			t.Errorf("%+v", got)
		}
		if got := s.lease(t, named(alone("stranger"), 9)); got != (inventory.Leased{X: x(9)}) {
			t.Errorf("a number of somebody else: %+v", got)
		}
		if _, err := s.Lease(t.Context(), named(alone("first"), 1)); err == nil {
			t.Error("a task holds two numbers")
		}
		// Another names the same one: the service refuses one of them, and the other keeps it.
		second := named(alone("second"), 0)
		s.lease(t, second)
		s.bind(t, first, inventory.Leased{X: x(0)})
		s.release(t, inventory.Refusal{Pool: pool, Task: "second", X: x(0), Unperformed: true})
		if counts := s.count(t); counts.Bound != 1 || counts.Free != 2 {
			t.Errorf("%+v", counts.Counts)
		}
		// A pair that is named is known there; what is chosen goes elsewhere.
		s.lease(t, named(pair("pair", 1, 2), 1))
		if got := s.lease(t, pair("pair-2", 1, 3)); got.X != x(2) {
			t.Errorf("%+v", got)
		}
		if got := s.lease(t, pair("pair-3", 4, 5)); got.X != x(1) && got.X != x(2) {
			t.Errorf("%+v", got)
		}
	})
}

// A number that callers named for another use is not chosen for either, until all that has ended.
func TestCallerNamesTheNumberForAnotherUse(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		s.lease(t, pair("pair", 1, 2))
		want := alone("alone")
		want.X = x(0)
		s.lease(t, want)
		s.none(t, pair("pair-2", 3, 4))
		s.release(t, inventory.Refusal{Pool: pool, Task: "pair", Unperformed: true})
		s.none(t, pair("pair-2", 3, 4))
		s.release(t, inventory.Refusal{Pool: pool, Task: "alone", Unperformed: true})
		s.lease(t, pair("pair-2", 3, 4))
	})
}

func TestCallerNamesTheExtension(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		for _, e := range []string{"100", "101", "7", "999", "099"} {
			want := extension("named-" + e)
			want.X, want.Extension = x(0), e
			if got := s.lease(t, want); got.Extension != e {
				t.Errorf("%+v, want extension %s", got, e)
			}
		}
		if got := s.lease(t, extension("chosen")); got.Extension != "102" {
			t.Errorf("%+v", got)
		}
		half := extension("half") // X is named, the extension left to us
		half.X = x(0)
		if got := s.lease(t, half); got.Extension != "103" {
			t.Errorf("%+v", got)
		}
	})
}

// Two name the same pair on the same number; one is refused, and the other keeps it.
func TestTwoNameTheSamePair(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		for _, task := range []string{"one", "two"} {
			want := pair(task, 1, 2)
			want.X = x(0)
			s.lease(t, want)
		}
		s.release(t, inventory.Refusal{Pool: pool, Task: "two", Unperformed: true})
		s.none(t, pair("three", 1, 3))
		s.release(t, inventory.Refusal{Pool: pool, Task: "one", Unperformed: true})
		s.lease(t, pair("three", 1, 3))
	})
}
