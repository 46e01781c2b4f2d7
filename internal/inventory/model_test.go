package inventory_test

import (
	"fmt"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
)

// model says in plain Go what may be leased, and what must be. Its clock counts minutes.
type model struct {
	now      int
	cooldown int
	numbers  map[dypls.Phone]*modelNumber
	held     map[string]*modelLease // by task
	rests    map[string]int         // slots, until
}

type modelNumber struct {
	city  string
	kind  inventory.Kind
	rest  int
	aside bool
}

type modelLease struct {
	want   inventory.Want
	got    inventory.Leased
	subsID string // "" before it is bound
	until  int
}

func (m *model) on(x dypls.Phone) (leases []*modelLease) {
	for _, l := range m.held {
		if l.got.X == x {
			leases = append(leases, l)
		}
	}
	return leases
}

// forbids tells why a task may not be given a number, and an extension where that is said.
func (m *model) forbids(w inventory.Want, got inventory.Leased) string {
	n, ok := m.numbers[got.X]
	if !ok {
		return "it is not of the inventory"
	}
	others := m.on(got.X)
	idle := len(others) == 0 && n.rest <= m.now
	slots := slotsOf(w, got)
	switch {
	case n.aside:
		return "it is set aside"
	case w.Strict && w.City != "" && w.City != n.city:
		return "it is of another city"
	case idle:
		return ""
	case w.Kind == inventory.Alone, n.kind != w.Kind:
		return fmt.Sprintf("%d hold it for %s, and its rest is over at %d", len(others), n.kind, n.rest)
	case w.Kind == inventory.Pair && len(others) >= inventory.MostPairs:
		return "it is full"
	case w.Kind == inventory.Extension && got.Extension == "":
		return "" // some extension is free: no history takes 900
	}
	for _, l := range others {
		for _, theirs := range slotsOf(l.want, l.got) {
			for _, slot := range slots {
				if slot == theirs {
					return slot + " is held"
				}
			}
		}
	}
	for _, slot := range slots {
		if m.rests[slot] > m.now {
			return fmt.Sprintf("%s rests until %d", slot, m.rests[slot])
		}
	}
	return ""
}

// choice returns a number that the task may have, of its city alone where that is asked.
func (m *model) choice(w inventory.Want) (dypls.Phone, bool) {
	for x := range m.numbers {
		if m.forbids(w, inventory.Leased{X: x}) == "" {
			return x, true
		}
	}
	return "", false
}

func (m *model) hold(w inventory.Want, got inventory.Leased) {
	if n := m.numbers[got.X]; len(m.on(got.X)) == 0 && n.rest <= m.now {
		n.kind = w.Kind
	} else if n.kind != w.Kind {
		n.kind = inventory.Mixed
	}
	m.held[w.Task] = &modelLease{want: w, got: got}
}

func (m *model) end(task string, rests bool, from int) {
	l := m.held[task]
	delete(m.held, task)
	if !rests {
		return
	}
	n := m.numbers[l.got.X]
	n.rest = max(n.rest, from+m.cooldown)
	if l.want.Kind != inventory.Alone {
		for _, slot := range slotsOf(l.want, l.got) {
			m.rests[slot] = max(m.rests[slot], from+m.cooldown)
		}
	}
}

func (m *model) expire() {
	for task, l := range m.held {
		if l.subsID != "" && l.until <= m.now {
			m.end(task, true, l.until)
		}
	}
}

func (m *model) state(x dypls.Phone) inventory.State {
	n, state := m.numbers[x], inventory.Free
	if n.rest > m.now {
		state = inventory.Resting
	}
	for _, l := range m.on(x) {
		if state != inventory.IsBound {
			state = inventory.OnLease
		}
		if l.subsID != "" {
			state = inventory.IsBound
		}
	}
	if n.aside {
		return inventory.Aside
	}
	return state
}
