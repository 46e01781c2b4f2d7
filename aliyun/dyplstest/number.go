package dyplstest

import (
	"slices"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// kind is how a binding uses its X. All bindings on an X are of one kind.
type kind int

const (
	exclusive  kind = iota // AXN and AXG: X serves one binding
	pairing                // AXB: X serves many pairs, in which no A or B repeats
	extensions             // AXN with extension: X serves one binding for each extension
)

const (
	// maxPairs is how many pairs an X serves (help page of BindAxb).
	maxPairs = 200
	// maxExtensions is how many the service hands out: 100 to 999. A request may name a shorter one.
	maxExtensions = 900
)

// number is one X and what is bound to it.
type number struct {
	phone    dypls.Phone
	pool     *pool
	city     string
	bindings []*binding // in the order in which they were made
	// people are the A and B of the pairs on it.
	people map[dypls.Phone]struct{}
	// extensions are those in use.
	extensions map[string]struct{}
	// locked numbers are not picked.
	locked bool
	// kept is the shelf it stands on, and where, among all numbers of the pool and among those of its
	// city.
	kept    shelfKind
	inPool  int
	shelved bool
	inCity  int
}

// takes reports whether X is free for a binding of a kind, as far as other kinds and its capacity
// go.
func (n *number) takes(k kind) bool {
	if len(n.bindings) == 0 {
		return true
	}
	if n.bindings[0].kind != k {
		return false
	}
	switch k {
	case pairing:
		return len(n.bindings) < maxPairs
	case extensions:
		return len(n.bindings) < maxExtensions
	case exclusive:
	}
	return false
}

// serves reports whether a number is the A or B of a pair on X.
func (n *number) serves(person dypls.Phone) bool {
	_, there := n.people[person]
	return there
}

func (n *number) hasExtension(extension string) bool {
	_, there := n.extensions[extension]
	return there
}

func (n *number) attach(b *binding) {
	n.bindings = append(n.bindings, b)
	switch b.kind {
	case pairing:
		n.introduce(b.PhoneNoA)
		n.introduce(b.PhoneNoB)
	case extensions:
		if n.extensions == nil {
			n.extensions = map[string]struct{}{}
		}
		n.extensions[b.Extension] = struct{}{}
	case exclusive:
	}
	n.reshelve()
}

func (n *number) detach(b *binding) {
	n.bindings = slices.DeleteFunc(n.bindings, func(other *binding) bool { return other == b })
	switch b.kind {
	case pairing:
		delete(n.people, b.PhoneNoA)
		delete(n.people, b.PhoneNoB)
	case extensions:
		delete(n.extensions, b.Extension)
	case exclusive:
	}
	n.reshelve()
}

func (n *number) introduce(person dypls.Phone) {
	if n.people == nil {
		n.people = map[dypls.Phone]struct{}{}
	}
	n.people[person] = struct{}{}
}

// exchange puts another person in the place of one of a pair.
func (n *number) exchange(old, person dypls.Phone) {
	delete(n.people, old)
	n.introduce(person)
}
