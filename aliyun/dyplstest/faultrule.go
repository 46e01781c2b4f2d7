package dyplstest

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
)

// rules are the faults in force, in the order in which they were added: the first that hits
// decides.
type rules struct {
	seed uint64
	list []*rule
}

// rule is a [Fault] and what it has hit.
type rule struct {
	Fault
	label string
	salt  uint64 // makes each rule hit other requests
	hits  int    // in all
	// for each request that it has hit; 16 bytes or so each, as long as the rule lives
	first map[uint64]int
}

// AddFault adds a rule after those that are there. The error names the key, the rule and the
// remedy.
func (s *Simulator) AddFault(f Fault) error {
	if err := s.addFault(f); err != nil {
		return fmt.Errorf("dyplstest: fault: %w", err)
	}
	return nil
}

func (s *Simulator) addFault(f Fault) error {
	label := cmp.Or(f.Name, f.String())
	f = f.withDefaults()
	if err := f.validate(); err != nil {
		return err
	}
	f.Match = maps.Clone(f.Match) // the caller's may change
	s.mu.Lock()
	defer s.mu.Unlock()
	salt := mix(s.faults.seed + uint64(len(s.faults.list)) + 1)
	s.faults.list = append(
		s.faults.list,
		&rule{Fault: f, label: label, salt: salt, first: map[uint64]int{}},
	)
	return nil
}

// ClearFaults removes all rules. Calls that they have already hit go on as they were to.
func (s *Simulator) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.list = nil
}

// hit returns the rule that decides about a call, nil for none, and counts it.
func (r *rules) hit(c *call) *rule {
	if len(r.list) == 0 {
		return nil
	}
	request := c.hash()
	for _, rule := range r.list {
		if rule.matches(c, request) {
			rule.hits++
			if rule.First > 0 {
				rule.first[request]++
			}
			return rule
		}
	}
	return nil
}

func (r *rule) matches(c *call, request uint64) bool {
	if r.Action != "" && r.Action != c.action {
		return false
	}
	if r.Times > 0 && r.hits >= r.Times || r.First > 0 && r.first[request] >= r.First {
		return false
	}
	for name, value := range r.Match {
		if c.matched(name) != value {
			return false
		}
	}
	return r.Rate == 0 || share(request^r.salt) < r.Rate
}

// matched is what a rule compares: a parameter of the action, or whose call it is.
func (c *call) matched(name string) string {
	if name == accessKeyID {
		return c.keyID
	}
	return c.parameters.get(name)
}

// hash names a request: two attempts of the same have the same.
func (c *call) hash() uint64 {
	sum := fnv.New64a()
	write := func(s string) { _, _ = sum.Write(append([]byte(s), 0)) } // never fails
	write(c.action)
	for _, p := range c.parameters {
		write(p.name)
		write(p.value)
	}
	return sum.Sum64()
}

// share turns a hash into a number from 0 to 1, evenly.
func share(hash uint64) float64 {
	const mantissa = 53
	return float64(mix(hash)>>(64-mantissa)) / (1 << mantissa)
}

// mix spreads every bit over all others (the finisher of SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
