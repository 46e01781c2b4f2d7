package inventory_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
)

// However a binding ends, its number rests for the cooldown before somebody else gets it.
func TestNumberRestsAfterItsBinding(t *testing.T) {
	t.Parallel()
	ends := map[string]func(t *testing.T, s stock, b inventory.Binding){
		"unbound": func(t *testing.T, s stock, b inventory.Binding) { s.unbound(t, b) },
		"expired": func(t *testing.T, s stock, _ inventory.Binding) {
			t.Helper()
			s.none(t, alone("before"))
			s.Forward(time.Hour)
		},
		"expired, swept": func(t *testing.T, s stock, _ inventory.Binding) {
			t.Helper()
			s.Forward(time.Hour)
			if n, err := s.Sweep(t.Context(), pool); n != 1 || err != nil {
				t.Errorf("swept %d, %v", n, err)
			}
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEachServer(t, func(t *testing.T, s stock) {
				s.fill(t, numbers(1))
				b := s.bind(t, alone("first"), s.lease(t, alone("first")))
				end(t, s, b)
				next := s.none(t, alone("second"))
				if rest := next.Sub(s.clock(t)); rest > cooldown || rest < cooldown-time.Minute {
					t.Errorf("it rests for %s", rest)
				}
				if counts := s.count(t).Counts; counts != (inventory.Counts{Resting: 1}) {
					t.Errorf("%+v", counts)
				}
				s.Forward(cooldown - time.Minute)
				s.none(t, alone("second"))
				s.Forward(2 * time.Minute)
				s.lease(t, alone("second"))
			})
		})
	}
}

func TestRefusedBind(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		refusal := inventory.Refusal{Pool: pool, Task: "first", X: x(0), Unperformed: true}
		s.lease(t, alone("first"))
		if !s.release(t, refusal) || s.release(t, refusal) {
			t.Error("a lease is released once")
		}
		s.lease(t, alone("second")) // it was never bound: no rest
		if s.release(t, refusal) {
			t.Error("an echo of the first task's release frees the second's number")
		}
		s.release(t, inventory.Refusal{Pool: pool, Task: "second"})
		s.none(t, alone("third")) // it may have been, for a moment
		s.Forward(cooldown + time.Minute)
		b := s.bind(t, alone("third"), s.lease(t, alone("third")))
		if s.release(t, inventory.Refusal{Pool: pool, Task: "third"}) {
			t.Error("a release frees a number that is bound")
		}
		if !s.unbound(t, b) || s.unbound(t, b) {
			t.Error("a binding ends once")
		}
	})
}

// A task that releases late, after it was given another number, keeps that one.
func TestLateReleaseNamesTheNumber(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(2))
		first := s.lease(t, alone("task"))
		refusal := inventory.Refusal{Pool: pool, Task: "task", X: first.X, Unperformed: true, Aside: "isv.NO_USED_BY_OTHERS"}
		s.release(t, refusal)
		second := s.lease(t, alone("task"))
		if second.X == first.X {
			t.Fatal("a number that is set aside is leased")
		}
		if s.release(t, refusal) || s.lease(t, alone("task")) != second {
			t.Error("the echo of a release frees the next number")
		}
	})
}

func TestUncertainBindKeepsItsNumber(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		got := s.lease(t, alone("task"))
		s.Forward(10 * 365 * 24 * time.Hour)
		if n, err := s.Sweep(t.Context(), pool); n != 0 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
		s.none(t, alone("other"))
		if again := s.lease(t, alone("task")); again != got {
			t.Errorf("%+v, and years later %+v", got, again)
		}
		for _, k := range s.client.Keys(t.Context(), "dypls:{pool:*").Val() {
			if ttl := s.client.TTL(t.Context(), k).Val(); ttl != -1 {
				t.Errorf("%s lives for %s", k, ttl)
			}
		}
	})
}

// What has rested longest is taken first, after what was never used.
func TestOldestFirst(t *testing.T) {
	t.Parallel()
	for name, city := range map[string]string{"any city": "", "one city": "北京"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEachServer(t, func(t *testing.T, s stock) {
				s.fill(t, numbers(4, "北京"))
				want := func(task string) inventory.Want {
					w := alone(task)
					w.City = city
					return w
				}
				var order []dypls.Phone
				var bindings []inventory.Binding
				for i := range 3 {
					w := want(fmt.Sprint("task-", i))
					bindings = append(bindings, s.bind(t, w, s.lease(t, w)))
				}
				for _, i := range []int{1, 2, 0} {
					s.unbound(t, bindings[i])
					order = append(order, bindings[i].X)
					s.Forward(time.Minute)
				}
				s.Forward(cooldown)
				if got := s.lease(t, want("fresh")).X; slices.Contains(order, got) {
					t.Errorf("%q was used, another never", string(got))
				}
				for i, number := range order {
					if got := s.lease(t, want(fmt.Sprint("again-", i))).X; got != number {
						t.Errorf("place %d: %q, want %q", i, string(got), string(number))
					}
				}
			})
		})
	}
}

// After a pair, its two rest on that number, which others may share; for another use the whole
// number rests.
func TestPairRestsOnItsNumber(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		b := s.bind(t, pair("1-2", 1, 2), s.lease(t, pair("1-2", 1, 2)))
		s.unbound(t, b)
		s.none(t, pair("1-3", 1, 3))
		s.none(t, pair("3-2", 3, 2))
		s.none(t, alone("alone"))
		s.lease(t, pair("3-4", 3, 4))
		s.release(t, inventory.Refusal{Pool: pool, Task: "3-4", Unperformed: true})
		s.lease(t, pair("3-5", 3, 5)) // never bound: no rest
		s.release(t, inventory.Refusal{Pool: pool, Task: "3-5", Unperformed: true})
		s.none(t, alone("alone"))
		s.Forward(cooldown + time.Minute)
		s.lease(t, pair("1-3", 1, 3))
		s.release(t, inventory.Refusal{Pool: pool, Task: "1-3", Unperformed: true})
		s.lease(t, alone("alone"))
	})
}

func TestExpiredPairFreesItsTwo(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		s.bind(t, pair("1-2", 1, 2), s.lease(t, pair("1-2", 1, 2)))
		s.Forward(time.Hour + cooldown + time.Minute)
		s.lease(t, pair("again", 1, 2)) // expired and rested, both by the way
	})
}

func TestExtensionRests(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		var bindings []inventory.Binding
		for i := range 900 {
			want := extension(fmt.Sprint("task-", i))
			bindings = append(bindings, s.bind(t, want, s.lease(t, want)))
		}
		s.unbound(t, bindings[17])
		s.Forward(time.Minute)
		s.unbound(t, bindings[3])
		s.none(t, extension("next"))
		s.Forward(cooldown - 30*time.Second) // the others expired meanwhile, and rest
		if got := s.lease(t, extension("next")).Extension; got != bindings[17].Extension {
			t.Errorf("extension %s, want %s, the only one that has rested", got, bindings[17].Extension)
		}
		s.none(t, extension("another"))
	})
}

// A caller may name what rests. Refused, it rests on.
func TestNamedWhileItRests(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		s.unbound(t, s.bind(t, pair("1-2", 1, 2), s.lease(t, pair("1-2", 1, 2))))
		for _, want := range []inventory.Want{pair("named", 1, 2), alone("named")} {
			want.X = x(0)
			s.lease(t, want)
			s.release(t, inventory.Refusal{Pool: pool, Task: want.Task, Unperformed: true})
			s.none(t, pair("1-3", 1, 3))
			s.none(t, alone("alone"))
		}
		s.Forward(cooldown + time.Minute)
		s.lease(t, pair("1-3", 1, 3))
	})
}
