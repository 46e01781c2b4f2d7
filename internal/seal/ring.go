package seal

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

const keySize = 32

// ring is one state of the keys.
type ring struct {
	hash   []byte
	macs   sync.Pool // of hash.Hash by the key of the hashes: making one costs more than using it
	active key
	keys   map[string]key // by id, the active one among them
}

type key struct {
	id     string
	secret []byte
}

// File is the keys as a file or a command gives them, JSON.
type File struct {
	// Hash is the key of the hashes, 32 bytes. It is never changed: what was enqueued, leased and
	// taken in is found by it.
	Hash []byte `json:"hash"`
	// Active is the id of the key that seals. The others open what they sealed. It is "" where none
	// seals yet: whoever has the file opens what others seal, and seals nothing itself.
	Active string    `json:"active"`
	Keys   []FileKey `json:"keys"`
}

// FileKey is one key of a [File].
type FileKey struct {
	ID  string `json:"id"`
	Key []byte `json:"key"` // 32 bytes
}

// NewFile returns keys with one that is active.
func NewFile(id string) File {
	return File{Hash: newSecret(), Active: id, Keys: []FileKey{{ID: id, Key: newSecret()}}}
}

// Add adds a key that seals nothing yet.
func (f *File) Add(id string) { f.Keys = append(f.Keys, FileKey{ID: id, Key: newSecret()}) }

func newSecret() []byte {
	secret := make([]byte, keySize)
	rand.Read(secret)
	return secret
}

// Marshal returns the keys as they stand in a file.
func (f File) Marshal() []byte {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		panic(err) // of bytes and strings
	}
	return append(text, '\n')
}

// keyIDs are short, and harmless in a terminal, a label and a file's name.
var keyIDs = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// ParseFile reads keys. Its error tells everything that is wrong with them, and shows none.
func ParseFile(text []byte) (File, error) {
	var f File
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		// the decoder's words may hold a piece of a key
		return File{}, errors.New("the keys are not the JSON that `dyplsq keys new` writes: " +
			"restore the file, or see what the command prints")
	}
	if decoder.More() {
		return File{}, errors.New("something follows the keys: leave one JSON object")
	}
	var problems []string
	problem := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf(format, args...))
	}
	if len(f.Hash) != keySize {
		problem("hash must be %d bytes in base64: restore it, as a new one finds nothing of before", keySize)
	}
	seen := map[string]bool{}
	for i, k := range f.Keys {
		switch {
		case !keyIDs.MatchString(k.ID):
			problem("keys[%d].id must be 1 to 32 of A-Z, a-z, 0-9, '.', '_' and '-'", i)
		case seen[k.ID]:
			problem("keys[%d].id: two keys are named %q: name each once", i, k.ID)
		}
		seen[k.ID] = true
		if len(k.Key) != keySize {
			problem("keys[%d].key must be %d bytes in base64", i, keySize)
		}
	}
	if f.Active != "" && !seen[f.Active] {
		problem("active must be the id of one of the keys, or empty")
	}
	if problems != nil {
		return File{}, errors.New(strings.Join(problems, "; "))
	}
	return f, nil
}

func ringOf(f File) *ring {
	r := &ring{hash: f.Hash, keys: make(map[string]key, len(f.Keys))}
	for _, k := range f.Keys {
		r.keys[k.ID] = key{id: k.ID, secret: k.Key}
	}
	r.active = r.keys[f.Active]
	return r
}
