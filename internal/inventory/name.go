package inventory

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

// An X that is sealed is named by a handle in all keys of its pool: "x" and 16 bytes of an HMAC, by
// which it is found. The number itself is kept once, sealed.

const (
	handlePrefix = "x"
	handleBytes  = 16
)

// ErrSealed is returned to who has no keys, of a pool whose numbers are sealed.
var ErrSealed = errors.New("the numbers of the pool are sealed: give this process the keys, " +
	"by DYPLSQ_KEYS_FILE or DYPLSQ_KEYS_COMMAND")

// UnreadableError tells that a number which is sealed does not open. Who holds it keeps it.
type UnreadableError struct {
	Pool string
	Err  error // of [seal.Keys.Open], or that nothing is there to be opened
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("a number of pool %s is sealed and does not open: %v; or import the pool's numbers again, "+
		"which seals them anew", e.Pool, e.Err)
}

// Unwrap returns why it does not open.
func (e *UnreadableError) Unwrap() error { return e.Err }

// isHandle tells a handle from digits.
func isHandle(name string) bool { return strings.HasPrefix(name, handlePrefix) }

func (v *Inventory) handle(pool string, x dypls.Phone) string {
	return handlePrefix + v.keyed("inventory number", pool, string(x))
}

// sealedHash is what stands for A or B on an X that is sealed. It is made from the hash that stood
// there before, so that a pool can be sealed while nobody knows whose the hashes are.
func (v *Inventory) sealedHash(pool, hash string) string {
	return v.keyed("inventory person", pool, hash)
}

func (v *Inventory) keyed(purpose, pool, text string) string {
	return base64.RawURLEncoding.EncodeToString(v.keys.Hash(purpose, pool+"|"+text)[:handleBytes])
}

func (v *Inventory) name(pool string, x dypls.Phone) named {
	switch {
	case isHandle(string(x)):
		return named{handle: string(x)}
	case x == "" || !v.keys.On():
		return named{digits: string(x)}
	}
	return named{string(x), v.handle(pool, x)}
}

// names are those under which numbers may stand. No script says whether that is so: it is asked.
func (v *Inventory) names(ctx context.Context, pool string, x ...dypls.Phone) ([]string, error) {
	f, err := inDigits, error(nil)
	if v.keys.On() {
		f, err = v.askForm(ctx, pool)
	}
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, 2*len(x))
	for _, x := range x {
		names = append(names, v.name(pool, x).all(f)...)
	}
	return names, nil
}

func placeOf(pool, handle string) seal.Place {
	return seal.Place{Key: key(pool, "sealed"), Field: handle}
}

// sealed is an X as it is kept beside its handle; "" where no key seals.
func (v *Inventory) sealed(pool string, x dypls.Phone) string {
	if !v.keys.Seals() {
		return ""
	}
	return v.keys.Seal(placeOf(pool, v.handle(pool, x)), string(x))
}

// open returns the X of a name: a handle's is what was sealed.
func (v *Inventory) open(pool, name, sealed string) (dypls.Phone, error) {
	if !isHandle(name) {
		return dypls.Phone(name), nil
	}
	if _, is := seal.KeyID(sealed); !is {
		return "", &UnreadableError{pool, errors.New("what was sealed is gone")}
	}
	x, err := v.keys.Open(placeOf(pool, name), sealed)
	if err != nil {
		return "", &UnreadableError{pool, err}
	}
	return dypls.Phone(x), nil
}

// openAll returns the X of names, "" for those that do not open, and the error of the first of
// these.
func (v *Inventory) openAll(
	ctx context.Context, pool string, names []string,
) ([]dypls.Phone, error) {
	sealed := make([]string, len(names))
	var handles []string
	var places []int
	for i, name := range names {
		if isHandle(name) {
			handles, places = append(handles, name), append(places, i)
		}
	}
	if len(handles) > 0 {
		found, err := v.redis.HMGet(ctx, key(pool, "sealed"), handles...).Result()
		if err != nil {
			return nil, err
		}
		for i, at := range places {
			sealed[at], _ = found[i].(string)
		}
	}
	opened := make([]dypls.Phone, len(names))
	var unreadable error
	for i, name := range names {
		x, err := v.open(pool, name, sealed[i])
		if err != nil && unreadable == nil {
			unreadable = err
		}
		opened[i] = x
	}
	return opened, unreadable
}

// CheckReadable returns [ErrSealed] where numbers of a pool are sealed, and there are no keys.
func (v *Inventory) CheckReadable(ctx context.Context, pool string) error {
	if v.keys.On() {
		return nil
	}
	n, err := v.redis.Exists(ctx, key(pool, "sealed"), key(pool, "sealing")).Result()
	if err == nil && n > 0 {
		err = ErrSealed
	}
	return err
}
