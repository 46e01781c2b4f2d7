package inventory

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// secret is the key of a pool's hashes as it stands in Redis: 16 characters that name it, then the
// key itself. The name goes with every hash, so that a process that still knows the secret of a
// Redis that was emptied is told.
type secret string

const secretName = 16

func (s secret) name() string { return string(s[:secretName]) }

// hash is what stands for a number; "" for none.
func (s secret) hash(p dypls.Phone) string {
	if p == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(s[secretName:]))
	_, _ = mac.Write([]byte(p))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

func (v *Inventory) hashes(pool string, s secret, p dypls.Phone) person {
	hashed := person{plain: s.hash(p)}
	if p != "" && v.keys.On() {
		hashed.sealed = v.sealedHash(pool, hashed.plain)
	}
	return hashed
}

// secretOf returns a pool's secret. Who needs it first makes it.
func (v *Inventory) secretOf(ctx context.Context, pool string) (secret, error) {
	v.mu.Lock()
	known, ok := v.secrets[pool]
	v.mu.Unlock()
	if ok {
		return known, nil
	}
	var bytes [secretName/2 + 32]byte
	_, _ = rand.Read(bytes[:]) // it never fails
	k := key(pool, "secret")
	if err := v.redis.SetNX(ctx, k, hex.EncodeToString(bytes[:]), 0).Err(); err != nil {
		return "", fmt.Errorf("make a pool's secret: %w", err)
	}
	text, err := v.redis.Get(ctx, k).Result()
	if err != nil {
		return "", fmt.Errorf("read a pool's secret: %w", err)
	}
	if len(text) <= secretName {
		return "", errors.New("a pool's secret is not what was written there")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	forgetMany(v.secrets)
	v.secrets[pool] = secret(text)
	return secret(text), nil
}

// withHashes calls with the hashes of numbers and the name of their secret, and again where that
// turns out to be another by now. With keys there are two of each: on a number that is not sealed
// yet the plain one stands, as whoever has no keys writes it.
func (v *Inventory) withHashes(
	ctx context.Context,
	pool string,
	a, b dypls.Phone,
	call func(a, b person, secretName string) (verdict string, err error),
) (string, error) {
	for try := 0; ; try++ {
		if a == "" && b == "" {
			return call(person{}, person{}, "")
		}
		s, err := v.secretOf(ctx, pool)
		if err != nil {
			return "", err
		}
		verdict, err := call(v.hashes(pool, s, a), v.hashes(pool, s, b), s.name())
		if err != nil || verdict != "secret" || try > 0 {
			return verdict, err
		}
		v.mu.Lock()
		delete(v.secrets, pool)
		v.mu.Unlock()
	}
}
