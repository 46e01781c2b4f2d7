package inventory_test

import (
	"fmt"
	"strings"
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

func TestPairsShareANumberThatKnowsNeither(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(2))
		first := s.lease(t, pair("1-2", 1, 2))
		if other := s.lease(t, pair("3-4", 3, 4)); other.X != first.X {
			t.Error("strangers to each other do not share a number that has room")
		}
		for _, want := range []inventory.Want{pair("1-5", 1, 5), pair("6-2", 6, 2), pair("4-7", 4, 7)} {
			if other := s.lease(t, want); other.X == first.X {
				t.Errorf("%s shares a number that knows one of them", want.Task)
			}
		}
		s.none(t, pair("1-7", 1, 7)) // one number knows 1, the other both
		s.none(t, alone("alone"))    // both are in use
		s.none(t, extension("extension"))
	})
}

func TestNumberTakesSoManyPairs(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(2))
		held := map[dypls.Phone]int{}
		for i := range 2 * inventory.MostPairs {
			held[s.lease(t, pair(fmt.Sprint("task-", i), 2*i, 2*i+1)).X]++
		}
		if held[x(0)] != inventory.MostPairs || held[x(1)] != inventory.MostPairs {
			t.Errorf("two numbers hold %v pairs", held)
		}
		s.none(t, pair("one-more", 9000, 9001))
		s.release(t, inventory.Refusal{Pool: pool, Task: "task-7"})
		s.lease(t, pair("one-more", 9000, 9001))
	})
}

// One person in many pairs gets them on as many numbers, while others fill them up.
func TestOnePersonInManyPairs(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		const many = 250
		s.fill(t, numbers(many))
		seen := map[dypls.Phone]bool{}
		for i := range many {
			seen[s.lease(t, pair(fmt.Sprint("courier-", i), 0, i+1)).X] = true
			s.lease(t, pair(fmt.Sprint("other-", i), 2*i+1000, 2*i+1001))
		}
		if len(seen) != many {
			t.Errorf("%d pairs of one person are on %d numbers", many, len(seen))
		}
		s.none(t, pair("courier", 0, 999))
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

func TestCities(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, []inventory.Number{{X: x(0), City: "北京"}, {X: x(1), City: "上海"}, {X: x(2), City: "上海"}, {X: x(3)}, {X: x(4), City: "北"}})
		in := func(task, city string, strict bool) inventory.Want {
			want := alone(task)
			want.City, want.Strict = city, strict
			return want
		}
		if got := s.lease(t, in("1", "上海", false)).X; got != x(1) {
			t.Errorf("a number of 上海: %q", string(got))
		}
		if got := s.lease(t, in("2", "上海", true)).X; got != x(2) {
			t.Errorf("another of 上海: %q", string(got))
		}
		s.none(t, in("3", "上海", true))
		s.none(t, in("3", "广州", true))
		if got := s.lease(t, in("3", "北", true)).X; got != x(4) {
			t.Errorf("a number of 北: %q", string(got))
		}
		if got := s.lease(t, in("4", "上海", false)).X; got != x(0) && got != x(3) {
			t.Errorf("another city's number: %q", string(got))
		}
		s.lease(t, in("5", "", true))
		s.none(t, in("6", "", false))
		_, err := s.Lease(t.Context(), in("7", "上海", true))
		if err == nil || !strings.Contains(err.Error(), "in 上海") {
			t.Errorf("%v", err)
		}
	})
}

// A pair goes to a number of its city that is in use, then to an idle one there, and only then elsewhere.
func TestCitiesOfPairs(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(4, "北京", "上海"))
		in := func(task string, a, b int, city string) dypls.Phone {
			want := pair(task, a, b)
			want.City = city
			return s.lease(t, want).X
		}
		first := in("1", 1, 2, "上海")
		if got := in("2", 3, 4, "北京"); got == first {
			t.Error("a pair of 北京 on the number in use in 上海")
		}
		if got := in("3", 5, 6, "上海"); got != first {
			t.Error("the number in use in 上海 has room")
		}
		second := in("4", 1, 7, "上海")
		if second != x(1) && second != x(3) || second == first {
			t.Errorf("the other number of 上海 is idle: %q", string(second))
		}
		if got := in("5", 1, 8, "上海"); got != x(0) && got != x(2) {
			t.Errorf("both of 上海 know 1: %q", string(got))
		}
	})
}

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
