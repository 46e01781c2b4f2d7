package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

// DefaultCooldown is how long what was bound rests, where nobody says otherwise.
const DefaultCooldown = 24 * time.Hour

const (
	// hasFor is how long it is taken for true that a pool has an inventory, lacksFor that it has none.
	hasFor   = 5 * time.Second
	lacksFor = time.Second
	// poolsKnown bounds of how many pools something is remembered.
	poolsKnown = 1000
)

// Inventory is the numbers of any number of pools, in a Redis. Its methods may be called by many
// goroutines.
type Inventory struct {
	redis    redis.UniversalClient
	cooldown atomic.Int64  // a time.Duration, negative as AsLeased is
	ahead    time.Duration // of Redis' clock; tests alone
	replicas int           // see WithReplicas
	keys     *seal.Keys    // see WithKeys

	mu         sync.Mutex
	has        map[string]asked     // by key
	formsKnown map[string]knownForm // by pool
	secrets    map[string]secret
}

type asked struct {
	at  time.Time
	has bool
}

// AsLeased is the cooldown of who leases no numbers and has none of its own: the one that the
// latest lease came with.
const AsLeased time.Duration = -1

// New returns the inventory on a Redis. What was bound rests for the cooldown, which all who lease
// numbers should agree on.
func New(r redis.UniversalClient, cooldown time.Duration) *Inventory {
	v := &Inventory{
		redis: r, has: map[string]asked{}, formsKnown: map[string]knownForm{},
		secrets: map[string]secret{},
	}
	v.SetCooldown(cooldown)
	return v
}

// SetCooldown is for whoever learns that others let numbers rest for longer: what is leased or ends
// from now on rests for this cooldown.
func (v *Inventory) SetCooldown(cooldown time.Duration) {
	if cooldown < 0 {
		cooldown = -time.Millisecond // as the scripts have it
	}
	v.cooldown.Store(int64(cooldown))
}

// WithReplicas has Lease and Bound wait until so many replicas of Redis hold what they wrote, for
// half a second at most; by default for none. A failover that forgot a lease would have its task
// take another X, and nobody look for the bind on the first. It is to be called before all else.
func (v *Inventory) WithReplicas(n int) *Inventory {
	v.replicas = n
	return v
}

// WithKeys has numbers sealed by keys, nil for none. It is to be called before all else.
func (v *Inventory) WithKeys(k *seal.Keys) *Inventory {
	v.keys = k
	return v
}

// Has reports whether a pool has an inventory. An answer holds for a while: after a pool's first
// import, binds may leave without an X for a second.
func (v *Inventory) Has(ctx context.Context, pool string) (bool, error) {
	return v.exists(ctx, key(pool, "numbers"))
}

// InUse reports whether any pool has, or had, an inventory, with the same delay.
func (v *Inventory) InUse(ctx context.Context) (bool, error) { return v.exists(ctx, poolsKey) }

func (v *Inventory) exists(ctx context.Context, key string) (bool, error) {
	v.mu.Lock()
	before, ok := v.has[key]
	v.mu.Unlock()
	holds := lacksFor
	if before.has {
		holds = hasFor
	}
	if ok && time.Since(before.at) < holds {
		return before.has, nil
	}
	n, err := v.redis.Exists(ctx, key).Result()
	if err != nil {
		return false, fmt.Errorf("inventory: ask whether a pool has numbers: %w", err)
	}
	v.noteHas(key, n == 1)
	return n == 1, nil
}

// LeasedSince returns from when on, by Redis' clock, no bind of a pool has left without a lease of
// its inventory. ok is false where that is not known.
func (v *Inventory) LeasedSince(
	ctx context.Context,
	pool string,
) (since time.Time, ok bool, err error) {
	millis, err := v.redis.Get(ctx, key(pool, "since")).Int64()
	if errors.Is(err, redis.Nil) {
		return time.Time{}, false, nil
	}
	if err != nil {
		return time.Time{}, false, fmt.Errorf("inventory: ask since when a pool has numbers: %w", err)
	}
	return time.UnixMilli(millis).Add(2 * lacksFor), true, nil
}

func (v *Inventory) noteHas(key string, has bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	forgetMany(v.has)
	v.has[key] = asked{time.Now(), has}
}

// forgetMany empties what is known of pools where that is a lot: producers name them, and may name
// any number. It is asked for again.
func forgetMany[V any](known map[string]V) {
	if len(known) >= poolsKnown {
		clear(known)
	}
}

// Pools returns the pools that numbers were ever imported for, sorted.
func (v *Inventory) Pools(ctx context.Context) ([]string, error) {
	pools, err := v.redis.SMembers(ctx, poolsKey).Result()
	if err != nil {
		return nil, fmt.Errorf("inventory: list pools: %w", err)
	}
	slices.Sort(pools)
	return pools, nil
}

// now is Redis' clock, by which leases begin and end.
func (v *Inventory) now(ctx context.Context) (time.Time, error) {
	now, err := v.redis.Time(ctx).Result()
	return now.Add(v.ahead), err
}
