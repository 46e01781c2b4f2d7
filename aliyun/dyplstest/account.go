package dyplstest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// forgetAfter is how long an expired binding can still be looked up. The API's pages do not say how
// long it can there.
const forgetAfter = 24 * time.Hour

// owned is what an account owns: its pools, their numbers, and the bindings on them.
type owned struct {
	pools   map[string]*pool
	numbers map[dypls.Phone]*number
	subs    map[string]*binding // the active and the expired
	due     dueQueue            // the active, the next to expire first
	expired []*binding          // the first to expire first
	lastID  int64
	// lastGroup is the last id of a group that was handed out.
	lastGroup int64
	random    *rand.Rand
}

// pool is a [Pool] and its numbers, sorted by what can still be bound to them.
type pool struct {
	Pool
	shelves [shelfKinds]shelf
	cities  map[string]*[shelfKinds]shelf
	groups  map[string]*group
	deleted map[string]bool // groups, by id
}

// isFor reports whether a pool is for a kind of bind.
func (p *pool) isFor(action string) bool {
	return len(p.Actions) == 0 || slices.Contains(p.Actions, action)
}

func newOwned(pools []Pool, random *rand.Rand) (owned, error) {
	a := owned{
		pools: map[string]*pool{}, numbers: map[dypls.Phone]*number{}, subs: map[string]*binding{},
		lastID: 1_000_000_000_000_000 + random.Int64N(1_000_000_000_000), random: random,
	}
	for i, p := range pools {
		if err := p.validate(); err != nil {
			return owned{}, fmt.Errorf("Config.Pools[%d]: %w", i, err)
		}
		if a.pools[p.Key] != nil {
			return owned{}, fmt.Errorf(
				"Config.Pools[%d]: the Key %s is taken by an earlier one: rename it",
				i,
				p.Key,
			)
		}
		if err := a.add(p); err != nil {
			return owned{}, fmt.Errorf("Config.Pools[%d]: %w", i, err)
		}
	}
	return a, nil
}

func (a *owned) add(config Pool) error {
	p := &pool{
		Pool: config, cities: map[string]*[shelfKinds]shelf{},
		groups: make(map[string]*group, len(config.Groups)), deleted: map[string]bool{},
	}
	a.pools[p.Key] = p
	for id, numbers := range p.Groups {
		p.groups[id] = newGroup(numbers)
	}
	for _, phone := range p.Numbers {
		if !isDialable(string(phone)) {
			return fmt.Errorf("the Numbers of %s hold one that is not 3-20 digits: write digits only", p.Key)
		}
		if a.numbers[phone] != nil {
			return fmt.Errorf(
				"the Numbers of %s hold one that is there already: a number belongs to one pool, once",
				p.Key,
			)
		}
		n := &number{phone: phone, pool: p, city: p.Cities[phone]}
		if n.city != "" && p.cities[n.city] == nil {
			p.cities[n.city] = &[shelfKinds]shelf{}
		}
		a.numbers[phone] = n
		n.reshelve()
	}
	for phone := range p.Cities {
		if n := a.numbers[phone]; n == nil || n.pool != p {
			return fmt.Errorf(
				"the Cities of %s name a number that is not in its Numbers: add it there",
				p.Key,
			)
		}
	}
	return nil
}

// newSubsID returns 16 digits that were never used; not one after the other, so that nobody counts
// on it.
func (a *owned) newSubsID() string {
	a.lastID += 1 + a.random.Int64N(1000)
	return fmt.Sprintf("%016d", a.lastID)
}

// put makes a binding.
func (a *owned) put(b *binding) {
	a.subs[b.SubsID] = b
	a.due.add(b)
	b.number.attach(b)
}

// remove undoes a binding that is active.
func (a *owned) remove(b *binding) {
	delete(a.subs, b.SubsID)
	a.due.remove(b)
	b.number.detach(b)
}

// settle lets time pass: what is due expires and sets its X free, what expired long ago is
// forgotten.
func (a *owned) settle(now time.Time) {
	for b := a.due.next(); b != nil && !b.ExpiresAt.After(now); b = a.due.next() {
		a.due.remove(b)
		b.number.detach(b)
		b.expired = true
		a.expired = append(a.expired, b)
	}
	for len(a.expired) > 0 && now.Sub(a.expired[0].ExpiresAt) > forgetAfter {
		delete(a.subs, a.expired[0].SubsID)
		a.expired[0], a.expired = nil, a.expired[1:]
	}
}

func (a *owned) active() []Binding {
	bindings := make([]Binding, 0, len(a.due))
	for _, b := range a.due {
		bindings = append(bindings, b.Binding)
	}
	sortBindings(bindings)
	return bindings
}
