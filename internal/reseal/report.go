package reseal

import "slices"

// Report is how the values of Redis stand.
type Report struct {
	Active string  `json:"active"` // the key that seals
	Kinds  []Count `json:"kinds"`
	// Changed is how many values this walk has sealed, or sealed anew.
	Changed int64 `json:"changed"`
}

// Count is how the values of one kind stand.
type Count struct {
	Kind string `json:"kind"`
	// Clear is how many are not sealed and should be.
	Clear int64 `json:"clear"`
	// Sealed is how many each key has sealed, by its id.
	Sealed map[string]int64 `json:"sealed"`
	// Broken is how many of those that were to be sealed anew do not open:
	// they were changed, or moved.
	Broken int64 `json:"broken,omitempty"`
}

// of returns the count of a kind.
func (r *Report) of(name string) *Count {
	i := slices.IndexFunc(r.Kinds, func(c Count) bool { return c.Kind == name })
	if i < 0 {
		r.Kinds = append(r.Kinds, Count{Kind: name, Sealed: map[string]int64{}})
		i = len(r.Kinds) - 1
	}
	return &r.Kinds[i]
}

// Clear is how many values are not sealed and should be.
func (r *Report) Clear() (n int64) {
	for _, c := range r.Kinds {
		n += c.Clear
	}
	return n
}

// By is how many values a key has sealed.
func (r *Report) By(id string) (n int64) {
	for _, c := range r.Kinds {
		n += c.Sealed[id]
	}
	return n
}

// IDs are the ids of all keys that have sealed something.
func (r *Report) IDs() (ids []string) {
	for _, c := range r.Kinds {
		for id, n := range c.Sealed {
			if n > 0 && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// Broken is how many values did not open that were to be sealed anew.
func (r *Report) Broken() (n int64) {
	for _, c := range r.Kinds {
		n += c.Broken
	}
	return n
}

// Done reports whether everything is sealed by the active key.
func (r *Report) Done() bool {
	return r.Clear() == 0 &&
		!slices.ContainsFunc(r.IDs(), func(id string) bool { return id != r.Active })
}
