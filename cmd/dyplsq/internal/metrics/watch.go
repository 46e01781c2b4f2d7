package metrics

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/seal"
)

const (
	// watchEvery is how often inventories and held tasks are counted: that reads all of them, too much
	// for every scrape.
	watchEvery = time.Minute
	// watchTimeout bounds one count.
	watchTimeout = 30 * time.Second
	// maxPools is how many pools are shown: the first by name.
	maxPools = 100
	// maxHeld is how many held tasks are compared with their records in one count.
	maxHeld = 1000
)

// Watch counts inventories and held tasks until ctx is done. A pool that cannot be read is left
// out.
func (m *Metrics) Watch(ctx context.Context, client redis.UniversalClient, keys *seal.Keys) {
	numbers := inventory.New(client, inventory.DefaultCooldown).WithKeys(keys)
	records := record.NewStore(client).WithKeys(keys)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		m.count(ctx, numbers, records)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (m *Metrics) count(ctx context.Context, numbers *inventory.Inventory, records record.Store) {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	m.collected.WithLabelValues("inventory").Set(success(m.countPools(ctx, numbers)))
	held, err := records.Held(ctx, maxHeld)
	m.collected.WithLabelValues("uncertain").Set(success(err))
	if err == nil {
		m.held.Set(float64(held.Count))
	}
}

func (m *Metrics) countPools(ctx context.Context, numbers *inventory.Inventory) error {
	pools, err := numbers.Pools(ctx)
	if err != nil {
		return err
	}
	slices.Sort(pools)
	var errs []error
	if len(pools) > maxPools {
		pools = pools[:maxPools]
		errs = append(errs, errors.New("too many pools"))
	}
	stocks := make(map[string]inventory.Stock, len(pools))
	for _, pool := range pools {
		if stocks[pool], err = numbers.Counts(ctx, pool); err != nil {
			delete(stocks, pool)
			errs = append(errs, err)
		}
	}
	m.inventory.Reset() // a pool that is gone must not stay
	for pool, stock := range stocks {
		m.setStock(pool, stock)
	}
	return errors.Join(errs...)
}

func (m *Metrics) setStock(pool string, stock inventory.Stock) {
	for state, n := range map[inventory.State]int{
		inventory.Free: stock.Free, inventory.Resting: stock.Resting, inventory.OnLease: stock.Leased,
		inventory.IsBound: stock.Bound, inventory.Aside: stock.Aside, inventory.Leaving: stock.Leaving,
	} {
		m.inventory.WithLabelValues(pool, string(state)).Set(float64(n))
	}
}
