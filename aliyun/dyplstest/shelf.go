package dyplstest

import "math/rand/v2"

// shelfKind says what the numbers on a shelf have in common.
type shelfKind int

const (
	freeShelf      shelfKind = iota // nothing is bound
	pairShelf                       // pairs are bound, and there is room for more
	extensionShelf                  // extensions are bound, and there is room for more
	noShelf                         // no room left, or locked
)

// shelfKinds is how many there are.
const shelfKinds = noShelf

// shelf is a set of numbers from which one is picked, put or taken away in constant time.
type shelf []*number

// shelfOf returns the shelf on which a number belongs.
func (n *number) shelfOf() shelfKind {
	switch {
	case n.locked:
		return noShelf
	case len(n.bindings) == 0:
		return freeShelf
	case n.takes(pairing):
		return pairShelf
	case n.takes(extensions):
		return extensionShelf
	default:
		return noShelf
	}
}

// reshelve moves a number to the shelf on which it belongs now.
func (n *number) reshelve() {
	want := n.shelfOf()
	if n.shelved && n.kept == want {
		return
	}
	if n.shelved {
		n.pool.shelves[n.kept].take(n.inPool, func(n *number, i int) { n.inPool = i })
		if n.city != "" {
			n.pool.cities[n.city][n.kept].take(n.inCity, func(n *number, i int) { n.inCity = i })
		}
	}
	n.shelved, n.kept = want != noShelf, want
	if !n.shelved {
		return
	}
	n.inPool = n.pool.shelves[want].put(n)
	if n.city != "" {
		n.inCity = n.pool.cities[n.city][want].put(n)
	}
}

func (s *shelf) put(n *number) int {
	*s = append(*s, n)
	return len(*s) - 1
}

// take removes the number at i by moving the last one there.
func (s *shelf) take(i int, moved func(*number, int)) {
	last := len(*s) - 1
	(*s)[i] = (*s)[last]
	moved((*s)[i], i)
	(*s)[last] = nil
	*s = (*s)[:last]
}

// pick returns a number that takes one more binding of a kind, nil for none. How the service picks
// is not documented; this prefers one that serves the same kind already, so that free ones stay
// free, and is random otherwise.
//
// For a pair it looks at no more numbers than A and B have bindings, and one.
func (p *pool) pick(k kind, city string, random *rand.Rand, fits func(*number) bool) *number {
	if shelves := p.cities[city]; city != "" && shelves != nil {
		if n := pickFrom(shelves, k, random, fits); n != nil {
			return n
		}
	}
	if city != "" && p.StrictCity {
		return nil
	}
	return pickFrom(&p.shelves, k, random, fits)
}

func pickFrom(
	shelves *[shelfKinds]shelf,
	k kind,
	random *rand.Rand,
	fits func(*number) bool,
) *number {
	var used shelf
	switch k {
	case pairing:
		used = shelves[pairShelf]
	case extensions:
		used = shelves[extensionShelf]
	case exclusive: // serves one only
	}
	for _, candidates := range []shelf{used, shelves[freeShelf]} {
		if len(candidates) == 0 {
			continue
		}
		start := random.IntN(len(candidates))
		for i := range candidates {
			if n := candidates[(start+i)%len(candidates)]; fits(n) {
				return n
			}
		}
	}
	return nil
}
