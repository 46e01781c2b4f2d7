package inventory_test

import (
	"fmt"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
)

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

// Where all numbers are in use and a person is on all of them but one, that one is found, wherever
// it stands.
func TestTheOnlyNumberForAPair(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		const few, many = 37, 256
		named := func(task string, a, b, n int) inventory.Want {
			want := pair(task, a, b)
			want.X = x(n)
			return want
		}
		s.fill(t, numbers(few))
		for i := range few {
			s.lease(t, named(fmt.Sprint("known-", i), 0, i+1, i))
		}
		check := func(n int) {
			t.Helper()
			task := fmt.Sprint("known-", n)
			s.release(t, inventory.Refusal{Pool: pool, Task: task, Unperformed: true})
			s.lease(t, named("other", 3000, 3001, n)) // it stays in use
			if got := s.lease(t, pair("wanted", 0, 2000)); got.X != x(n) {
				t.Errorf("%q, want %q", string(got.X), string(x(n)))
			}
			for _, task := range []string{"wanted", "other"} {
				s.release(t, inventory.Refusal{Pool: pool, Task: task, Unperformed: true})
			}
			s.lease(t, named(task, 0, n+1, n))
		}
		for n := range few {
			check(n)
		}
		s.importing(t, inventory.Imported{Added: many - few, Known: few}, numbers(many)...)
		for i := few; i < many; i++ {
			s.lease(t, named(fmt.Sprint("known-", i), 0, i+1, i))
		}
		for n := 0; n < many; n += 15 {
			check(n)
		}
	})
}
