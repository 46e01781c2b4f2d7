package inventory

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// DefaultCooldown is how long what was bound rests, where nobody says otherwise.
const DefaultCooldown = 24 * time.Hour

// hasFor is how long an answer of Has is taken for true.
const hasFor = 5 * time.Second

// Inventory is the numbers of any number of pools, in a Redis. Its methods may be called by many goroutines.
type Inventory struct {
	redis    redis.UniversalClient
	cooldown time.Duration
	ahead    time.Duration // of Redis' clock; tests alone

	mu      sync.Mutex
	has     map[string]asked
	secrets map[string]secret
}

type asked struct {
	at  time.Time
	has bool
}

// New returns the inventory on a Redis. What was bound rests for the cooldown, which all who share the Redis should agree on.
func New(r redis.UniversalClient, cooldown time.Duration) *Inventory {
	return &Inventory{redis: r, cooldown: max(cooldown, 0), has: map[string]asked{}, secrets: map[string]secret{}}
}

// Has reports whether a pool has an inventory. An answer holds for some seconds: after a pool's first import, binds
// may leave without an X for as long.
func (v *Inventory) Has(ctx context.Context, pool string) (bool, error) {
	v.mu.Lock()
	before, ok := v.has[pool]
	v.mu.Unlock()
	if ok && time.Since(before.at) < hasFor {
		return before.has, nil
	}
	n, err := v.redis.Exists(ctx, key(pool, "numbers")).Result()
	if err != nil {
		return false, fmt.Errorf("inventory: ask whether a pool has numbers: %w", err)
	}
	v.noteHas(pool, n == 1)
	return n == 1, nil
}

func (v *Inventory) noteHas(pool string, has bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.has[pool] = asked{time.Now(), has}
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
