package record

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Fingerprint tells whether two requests under one id are the same, and which parameters differ,
// after the request itself is gone: "name:hash" of the action and each parameter, separated by
// spaces.
//
// A telephone number has so few possible values that a whole hash of it would give it away. Its
// hash is cut to 24 bits: about 200 Chinese mobile numbers share each value, and a different number
// passes for the same one with a chance of 1 in 16 million. The id goes into every hash, so that
// equal numbers of two tasks do not show.
type Fingerprint string

const (
	hashBytes         = 8
	personalHashBytes = 3
)

// FingerprintOf returns the fingerprint of a request under an id.
func FingerprintOf(id, action string, parameters dypls.Parameters) Fingerprint {
	entries := make([]string, 0, len(parameters)+1)
	entries = append(entries, entryOf(id, "Action", action, hashBytes))
	for i := range parameters {
		entries = append(entries, entryOfParameter(id, &parameters[i]))
	}
	slices.Sort(entries) // another version may list the parameters in another order
	return Fingerprint(strings.Join(entries, " "))
}

func entryOfParameter(id string, p *dypls.Parameter) string {
	if p.Personal {
		return entryOf(id, p.Name, p.Value, personalHashBytes)
	}
	return entryOf(id, p.Name, p.Value, hashBytes)
}

// Has reports whether the request had a parameter.
func (f Fingerprint) Has(name string) bool {
	return strings.HasPrefix(string(f), name+":") || strings.Contains(string(f), " "+name+":")
}

// Holds reports whether the request under an id had a parameter with this value.
func (f Fingerprint) Holds(id string, p dypls.Parameter) bool {
	return slices.Contains(strings.Fields(string(f)), entryOfParameter(id, &p))
}

func entryOf(id, name, value string, size int) string {
	var room [256]byte
	text := append(append(append(append(append(room[:0], id...), 0), name...), 0), value...)
	sum := sha256.Sum256(text)
	return string(hex.AppendEncode(append(append(room[:0], name...), ':'), sum[:size]))
}

// Differs names what is not the same in two fingerprints, in the order of their names.
func (f Fingerprint) Differs(other Fingerprint) []string {
	ours, theirs := strings.Fields(string(f)), strings.Fields(string(other))
	var names []string
	note := func(entries, among []string) {
		for _, entry := range entries {
			name, _, _ := strings.Cut(entry, ":")
			if !slices.Contains(among, entry) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	note(ours, theirs)
	note(theirs, ours)
	return names
}
