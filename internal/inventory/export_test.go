package inventory

import (
	"context"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

// Forward moves Redis' clock, as this inventory sees it.
func (v *Inventory) Forward(d time.Duration) { v.ahead += d }

// MostPairs is how many pairs an X takes.
const MostPairs = 200

// Key is one key of a pool.
func Key(pool, name string) string { return key(pool, name) }

// Keys are those that numbers are sealed by.
func (v *Inventory) Keys() *seal.Keys { return v.keys }

// Now is Redis' clock, as this inventory sees it.
func (v *Inventory) Now(ctx context.Context) (time.Time, error) { return v.now(ctx) }
