package inventory_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
)

// A binding is the truth, whatever the inventory thought before.
func TestBoundWithoutALease(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(2))
		want := alone("task")
		got := s.lease(t, want)
		// and then the answer comes
		s.release(t, inventory.Refusal{Pool: pool, Task: "task", Unperformed: true})
		b := s.bind(t, want, got)
		if other := s.lease(t, alone("other")); other.X == got.X {
			t.Error("a number that is bound is leased")
		}
		s.bind(t, want, got) // told again
		if counts := s.count(t); counts.Bound != 1 || counts.Leases != 2 {
			t.Errorf("%+v", counts)
		}
		b.X = x(9) // of somebody else
		b.Task, b.SubsID = "foreign", "subs-foreign"
		if err := s.Bound(t.Context(), b); err != nil {
			t.Error(err)
		}
	})
}

func TestBoundElsewhere(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(2))
		want := pair("task", 1, 2)
		first := s.lease(t, want)
		second := inventory.Leased{X: x(0)}
		if first.X == x(0) {
			second.X = x(1)
		}
		s.bind(t, want, second)
		h, ok, err := s.Holding(t.Context(), pool, "task")
		if err != nil || !ok || h.X != second.X || !h.Settled() {
			t.Errorf("%+v, %t, %v", h, ok, err)
		}
		if counts := s.count(t).Counts; counts != (inventory.Counts{Bound: 1, Resting: 1}) {
			t.Errorf("%+v", counts)
		}
	})
}

func TestBindingThatIsNone(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		good := inventory.Binding{Pool: pool, Task: "task", Kind: inventory.Extension, X: x(0), Extension: "100", SubsID: "1"}
		for name, spoil := range map[string]func(*inventory.Binding){
			"no kind":                  func(b *inventory.Binding) { b.Kind = "" },
			"no task":                  func(b *inventory.Binding) { b.Task = "" },
			"no X":                     func(b *inventory.Binding) { b.X = "" },
			"a number as an extension": func(b *inventory.Binding) { b.Extension = string(person(1)) },
			"no SubsId":                func(b *inventory.Binding) { b.SubsID = "" },
			"half a pair":              func(b *inventory.Binding) { b.Kind, b.B = inventory.Pair, person(1) },
		} {
			b := good
			spoil(&b)
			if err := s.Bound(t.Context(), b); err == nil {
				t.Errorf("%s: taken", name)
			}
		}
		if counts := s.count(t); counts.Leases != 0 {
			t.Errorf("%+v", counts)
		}
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		b := s.bind(t, pair("1-2", 1, 2), s.lease(t, pair("1-2", 1, 2)))
		update := func(c inventory.Change) {
			t.Helper()
			c.Pool, c.X, c.SubsID = pool, b.X, b.SubsID
			for range 2 { // a reply is lost
				if known, err := s.Update(t.Context(), c); err != nil || !known {
					t.Errorf("%+v: %t, %v", c, known, err)
				}
			}
		}
		update(inventory.Change{A: person(3)})
		s.none(t, pair("3-4", 3, 4)) // in use
		s.none(t, pair("1-4", 1, 4)) // rests
		update(inventory.Change{Until: s.clock(t).Add(48 * time.Hour)})
		s.Forward(47 * time.Hour)
		s.none(t, alone("alone"))
		s.none(t, pair("3-5", 3, 5))
		s.lease(t, pair("1-4", 1, 4)) // has rested
		s.release(t, inventory.Refusal{Pool: pool, Task: "1-4", Unperformed: true})
		s.Forward(2*time.Hour + cooldown)
		s.lease(t, alone("alone"))
		if known, err := s.Update(t.Context(), inventory.Change{Pool: pool, X: b.X, SubsID: b.SubsID, B: person(9)}); known || err != nil {
			t.Errorf("a binding that is gone is known: %v", err)
		}
	})
}

// TestProlong: an expiry that may become later holds at once; taking it back leaves alone what was
// told since.
func TestProlong(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		b := s.bind(t, alone("task"), s.lease(t, alone("task")))
		until := func(d time.Duration) inventory.Change {
			return inventory.Change{Pool: pool, X: b.X, SubsID: b.SubsID, Until: b.Until.Add(d)}
		}
		prolong := func(c inventory.Change, want time.Time) (was time.Time) {
			t.Helper()
			was, err := s.Prolong(t.Context(), c)
			if err != nil || !was.Equal(want) {
				t.Errorf("before it was %s, %v, want %s", was, err, want)
			}
			return was
		}
		holds := func(want time.Time) {
			t.Helper()
			if h, ok, err := s.Holding(t.Context(), pool, "task"); err != nil || !ok || !h.Until.Equal(want) {
				t.Errorf("it is held until %s, %t, %v; want %s", h.Until, ok, err, want)
			}
		}
		b.Until = b.Until.Truncate(time.Millisecond)
		prolong(until(-1*time.Hour), time.Time{})
		prolong(until(0), time.Time{})
		holds(b.Until)
		was := prolong(until(2*time.Hour), b.Until)
		prolong(until(2*time.Hour), time.Time{}) // a reply is lost, and a sooner one stays
		prolong(until(time.Hour), time.Time{})
		holds(until(2 * time.Hour).Until)
		for range 2 {
			if err := s.Curtail(t.Context(), until(2*time.Hour), was); err != nil {
				t.Error(err)
			}
			holds(b.Until)
		}
		prolong(until(2*time.Hour), b.Until)
		if _, err := s.Update(t.Context(), until(3*time.Hour)); err != nil {
			t.Error(err)
		}
		if err := s.Curtail(t.Context(), until(2*time.Hour), was); err != nil {
			t.Error(err)
		}
		holds(until(3 * time.Hour).Until)
		s.Forward(3 * time.Hour)
		s.none(t, alone("other"))
		prolong(inventory.Change{Pool: pool, X: b.X, SubsID: "another", Until: until(9 * time.Hour).Until}, time.Time{})
	})
}

func TestBindingWithoutAnExpiry(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		b := inventory.Binding{Pool: pool, Task: "task", Kind: inventory.Alone, X: s.lease(t, alone("task")).X, SubsID: "1"}
		if err := s.Bound(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		change := inventory.Change{Pool: pool, X: b.X, SubsID: "1", Until: s.clock(t).Add(time.Hour)}
		if was, err := s.Prolong(t.Context(), change); err != nil || !was.IsZero() {
			t.Errorf("for ever is not the latest: %s, %v", was, err)
		}
		s.Forward(10 * 365 * 24 * time.Hour)
		s.none(t, alone("other"))
		if !s.unbound(t, b) {
			t.Error("the binding is not known")
		}
	})
}

func TestUnsettledAndHoldings(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(4))
		s.lease(t, alone("old"))
		want := extension("bound")
		s.bind(t, want, s.lease(t, want))
		s.Forward(10 * time.Minute)
		s.lease(t, alone("new"))
		var unsettled []string
		err := s.Unsettled(t.Context(), pool, 5*time.Minute, func(h inventory.Holding) error {
			unsettled = append(unsettled, h.Task)
			return nil
		})
		if err != nil || len(unsettled) != 1 || unsettled[0] != "old" {
			t.Errorf("%v, %v", unsettled, err)
		}
		more, seen := 1500, map[string]bool{}
		s.importing(t, inventory.Imported{Added: more, Known: 4}, numbers(4+more)...)
		for i := range more {
			s.lease(t, extension(fmt.Sprint("more-", i)))
		}
		err = s.Unsettled(t.Context(), pool, 0, func(h inventory.Holding) error {
			seen[h.Task] = true
			return nil
		})
		if err != nil || len(seen) != more+2 {
			t.Errorf("%d are unsettled, want %d, %v", len(seen), more+2, err)
		}
		s.Forward(-time.Hour)
		clear(seen)
		err = s.Unsettled(t.Context(), pool, 5*time.Minute, func(h inventory.Holding) error {
			seen[h.Task] = true
			return nil
		})
		if err != nil || len(seen) != more+2 {
			t.Errorf("%d are unsettled after the clock was put back, want %d, %v", len(seen), more+2, err)
		}
		s.Forward(time.Hour)
		all, err := s.Holdings(t.Context(), pool)
		if err != nil || len(all) != more+3 || all[2].Task != "new" {
			t.Errorf("%+v, %v", all, err)
		}
		h, ok, err := s.Holding(t.Context(), pool, "bound")
		if err != nil || !ok || h.Kind != inventory.Extension || h.Extension != "100" || h.SubsID != "subs-bound" || h.Until.IsZero() || h.Since.IsZero() {
			t.Errorf("%+v, %t, %v", h, ok, err)
		}
		if _, ok, err := s.Holding(t.Context(), pool, "nobody"); ok || err != nil {
			t.Errorf("%t, %v", ok, err)
		}
	})
}

// An extension is bound that is another than the one that was meant.
func TestBoundToAnotherExtension(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		want := extension("task")
		got := s.lease(t, want)
		s.bind(t, want, inventory.Leased{X: got.X, Extension: "777"})
		h, ok, err := s.Holding(t.Context(), pool, "task")
		if err != nil || !ok || h.Extension != "777" {
			t.Errorf("%+v, %t, %v", h, ok, err)
		}
	})
}

// A task that was bound again holds by its newer SubsId alone.
func TestBoundAgain(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s stock) {
		s.fill(t, numbers(1))
		first := s.bind(t, alone("task"), s.lease(t, alone("task")))
		second := first
		second.SubsID = "subs-2"
		if err := s.Bound(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		if s.unbound(t, first) || !s.unbound(t, second) {
			t.Error("it does not hold by the newer one alone")
		}
	})
}
