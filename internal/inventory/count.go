package inventory

import (
	"context"
	"fmt"
)

// Counts is how many numbers stand where.
type Counts struct {
	Free, Resting, Leased, Bound, Aside, Leaving int
}

// Total is all of them: what was imported and has not left.
func (c Counts) Total() int { return c.Free + c.Resting + c.Leased + c.Bound + c.Aside + c.Leaving }

func (c *Counts) add(s State) {
	switch s {
	case Free:
		c.Free++
	case Resting:
		c.Resting++
	case OnLease:
		c.Leased++
	case IsBound:
		c.Bound++
	case Aside:
		c.Aside++
	case Leaving:
		c.Leaving++
	}
}

// Stock is a pool's numbers, counted.
type Stock struct {
	Counts

	ByCity    map[string]Counts // "" is those whose city is not known
	Leases    int               // all that are held: several where an X is shared
	Unsettled int               // of these, without a word yet on what came of the bind
}

// Counts counts a pool's numbers. What changes meanwhile may be counted as it was or as it is.
func (v *Inventory) Counts(ctx context.Context, pool string) (Stock, error) {
	entries, err := v.List(ctx, pool)
	if err != nil {
		return Stock{}, err
	}
	stock := Stock{ByCity: map[string]Counts{}}
	for _, e := range entries {
		stock.add(e.State)
		city := stock.ByCity[e.City]
		city.add(e.State)
		stock.ByCity[e.City] = city
	}
	pipe := v.redis.Pipeline()
	leases, open := pipe.HLen(ctx, key(pool, "leases")), pipe.ZCard(ctx, key(pool, "open"))
	if _, err := pipe.Exec(ctx); err != nil {
		return Stock{}, fmt.Errorf("inventory: count: %w", err)
	}
	stock.Leases, stock.Unsettled = int(leases.Val()), int(open.Val())
	return stock, nil
}
