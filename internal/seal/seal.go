package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"strings"
)

// Place is where a value stands. It opens nowhere else.
type Place struct {
	Account string // "" for the default one, and for what belongs to none
	Key     string // in Redis
	Field   string // of a hash or of a stream's entry; "" where the key holds one value
}

const (
	magic   = "\x00dq"
	version = 1
	// beforeID is how long the magic, the version and the id's length are together.
	beforeID  = len(magic) + 2
	nonceSize = 12
	tagSize   = 16
)

// MissingKeyError tells that a value is sealed by a key that this process does not have.
type MissingKeyError struct {
	KeyID string
}

// Error implements error.
func (e *MissingKeyError) Error() string {
	return fmt.Sprintf("the value is sealed by the key %q, which is not among the keys: give this process the file "+
		"(DYPLSQ_KEYS_FILE) or command (DYPLSQ_KEYS_COMMAND) that has it", e.KeyID)
}

// TamperedError tells that a value was changed, or moved from another place, or that its key is
// another one than its id says.
type TamperedError struct {
	KeyID string // "" for what does not even look sealed any more
	Place Place
}

// Error implements error.
func (e *TamperedError) Error() string {
	if e.KeyID == "" {
		return fmt.Sprintf("the value of %s cannot be read: it was changed", strings.Trim(e.Place.Key+" "+e.Place.Field, " "))
	}
	return fmt.Sprintf("the value of %s, sealed by the key %q, does not open: it was changed, or moved from another "+
		"record, or the key under this id is another one", strings.Trim(e.Place.Key+" "+e.Place.Field, " "), e.KeyID)
}

// KeyID returns the id of the key that a value is sealed by. sealed is false for one that is not.
func KeyID(stored string) (id string, sealed bool) {
	rest, sealed := strings.CutPrefix(stored, magic)
	if !sealed {
		return "", false
	}
	if len(rest) < 2 || rest[0] != version || len(rest) < 2+int(rest[1]) {
		return "", true
	}
	return rest[2 : 2+int(rest[1])], true
}

// Seal seals a value by the active key. Without one it returns the value as it is; an empty one
// stays empty.
func (k *Keys) Seal(at Place, plain string) string {
	if k == nil || plain == "" {
		return plain
	}
	active := k.sealing().active
	if active.id == "" {
		return plain
	}
	sealed := make([]byte, beforeID, beforeID+len(active.id)+nonceSize+len(plain)+tagSize)
	copy(sealed, magic)
	sealed[len(magic)], sealed[len(magic)+1] = version, byte(len(active.id)) //nolint:gosec // 32 at most
	sealed = append(sealed, active.id...)
	nonce := sealed[len(sealed) : len(sealed)+nonceSize]
	rand.Read(nonce) // never fails: the program ends where there is no randomness
	return string(
		active.aead(at).Seal(sealed[:len(sealed)+nonceSize], nonce, []byte(plain), associated(at)),
	)
}

// Open returns what was sealed, and a value that is not sealed as it is. Its errors are
// *[MissingKeyError] and *[TamperedError].
func (k *Keys) Open(at Place, stored string) (string, error) {
	id, sealed := KeyID(stored)
	if !sealed {
		return stored, nil
	}
	key, ok := k.find(id)
	if !ok {
		return "", &MissingKeyError{KeyID: id}
	}
	rest := stored[beforeID+len(id):]
	if len(rest) < nonceSize {
		return "", &TamperedError{KeyID: id, Place: at}
	}
	plain, err := key.aead(at).Open(
		nil, []byte(rest[:nonceSize]), []byte(rest[nonceSize:]), associated(at),
	)
	if err != nil {
		return "", &TamperedError{KeyID: id, Place: at}
	}
	return string(plain), nil
}

// Hash is what a value is compared or found by, 32 bytes; equal values of two purposes have
// nothing in common. It must not be called without keys.
func (k *Keys) Hash(purpose, value string) []byte {
	ring := k.current()
	mac, made := ring.macs.Get().(hash.Hash)
	if !made {
		mac = hmac.New(sha256.New, ring.hash)
	}
	mac.Reset()
	mac.Write(joined(purpose, value))
	sum := mac.Sum(nil)
	ring.macs.Put(mac)
	return sum
}

// associated binds a value to its place.
func associated(at Place) []byte { return joined(at.Account, at.Key, at.Field) }

// joined has the length before each part, so that no two lists of parts are the same.
func joined(parts ...string) (joined []byte) {
	for _, part := range parts {
		joined = append(binary.AppendUvarint(joined, uint64(len(part))), part...)
	}
	return joined
}

// aead has the data key of a key in Redis.
func (k key) aead(at Place) cipher.AEAD {
	data, err := hkdf.Key(
		sha256.New, k.secret, nil, "dyplsq 1 "+string(joined(at.Account, at.Key)), keySize,
	)
	if err != nil {
		panic(err) // of a length that HKDF does not give
	}
	block, err := aes.NewCipher(data)
	if err != nil {
		panic(err) // of a length that AES does not take
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}
