package inventory_test

import (
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
)

func TestCities(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, []inventory.Number{{X: x(0), City: "北京"}, {X: x(1), City: "上海"}, {X: x(2), City: "上海"}, {X: x(3)}, {X: x(4), City: "北"}})
		in := func(task, city string, strict bool) inventory.Want {
			want := alone(task)
			want.City, want.Strict = city, strict
			return want
		}
		first := s.lease(t, in("1", "上海", false)).X
		if first != x(1) && first != x(2) {
			t.Errorf("a number of 上海: %q", string(first))
		}
		if got := s.lease(t, in("2", "上海", true)).X; got != x(1) && got != x(2) || got == first {
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

// A pair goes to a number of its city that is in use, then to an idle one there, and only then
// elsewhere.
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
