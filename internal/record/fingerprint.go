package record

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

// Fingerprint tells whether two requests under one id are the same, and which parameters differ,
// after the request itself is gone: "name:hash" of the action and each parameter, separated by
// spaces.
//
// A telephone number has so few possible values that a whole hash of it would give it away. Its
// hash is cut to 24 bits: about 200 Chinese mobile numbers share each value, and a different number
// passes for the same one with a chance of 1 in 16 million. The id goes into every hash, so that
// equal numbers of two tasks do not show.
//
// With keys each hash is an HMAC, which gives nothing away to who has not got them, and the word
// hmac comes first.
type Fingerprint string

const (
	hashBytes         = 8
	personalHashBytes = 3

	keyedMark = "hmac "
	// purpose is what the keyed hashes are for.
	purpose = "fingerprint"
)

// FingerprintOf returns the fingerprint of a request under an id, by keys where there are some.
func FingerprintOf(k *seal.Keys, id, action string, parameters dypls.Parameters) Fingerprint {
	entries := make([]string, 0, len(parameters)+1)
	entries = append(entries, entryOf(k, id, &dypls.Parameter{Name: "Action", Value: action}))
	for i := range parameters {
		entries = append(entries, entryOf(k, id, &parameters[i]))
	}
	slices.Sort(entries) // another version may list the parameters in another order
	if k.On() {
		return Fingerprint(keyedMark + strings.Join(entries, " "))
	}
	return Fingerprint(strings.Join(entries, " "))
}

// keyed reports whether its hashes are made by keys.
func (f Fingerprint) keyed() bool { return strings.HasPrefix(string(f), keyedMark) }

// Has reports whether the request had a parameter.
func (f Fingerprint) Has(name string) bool {
	return strings.HasPrefix(string(f), name+":") || strings.Contains(string(f), " "+name+":")
}

// Holds reports whether the request under an id had a parameter with this value. It is false, too,
// where the fingerprint was made by keys and there are none: see [Fingerprint.Readable].
func (f Fingerprint) Holds(k *seal.Keys, id string, p dypls.Parameter) bool {
	if !f.Readable(k) {
		return false
	}
	if !f.keyed() {
		k = nil
	}
	return slices.Contains(strings.Fields(string(f)), entryOf(k, id, &p))
}

// Readable reports whether Holds can tell.
func (f Fingerprint) Readable(k *seal.Keys) bool { return k.On() || !f.keyed() }

func entryOf(k *seal.Keys, id string, p *dypls.Parameter) string {
	var room [256]byte
	text := append(append(append(append(append(room[:0], id...), 0), p.Name...), 0), p.Value...)
	var whole [sha256.Size]byte
	sum := whole[:hashBytes]
	switch {
	case k.On():
		copy(sum, k.Hash(purpose, string(text)))
	case p.Personal:
		whole = sha256.Sum256(text)
		sum = whole[:personalHashBytes]
	default:
		whole = sha256.Sum256(text)
	}
	return string(hex.AppendEncode(append(append(room[:0], p.Name...), ':'), sum))
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
