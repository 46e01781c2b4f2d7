package worker

import (
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

const (
	// budgetsKept is up to how many budgets none is dropped, idleBudget how long one is kept that nobody uses.
	budgetsKept = 256
	idleBudget  = time.Minute
)

// startRate is how many calls a second an action begins with, all workers together, where nothing is known of its quota.
const startRate = 50

// governor keeps all workers of an account together within its quotas, one budget for each action. docs/governor.md has the
// algorithm and its reasons.
type governor struct {
	redis    redis.UniversalClient
	account  string
	worker   string
	ceilings map[string]float64 // of actions, beside the published ones
	poolQPS  float64
	log      zerolog.Logger
	ctx      context.Context //nolint:containedctx // of the goroutines that ask the script
	stop     context.CancelFunc

	mu       sync.Mutex
	budgets  map[string]*budget
	pruned   time.Time // when budgets were dropped last
	saidAway time.Time
}

func newGovernor(c Config, account string) *governor {
	g := &governor{
		redis: c.Redis, account: account, worker: uuid.NewString(), ceilings: c.QPS, poolQPS: c.PoolQPS, log: accountLog(c, account),
		budgets: map[string]*budget{},
	}
	g.ctx, g.stop = context.WithCancel(context.Background())
	return g
}

// ofAction returns an action's budget.
func (g *governor) ofAction(action string) *budget {
	return g.budget(action, func() (ceiling, start float64) {
		ceiling = math.MaxInt32
		if quota, published := dypls.Quota(action); published {
			ceiling = float64(quota)
		}
		if own, set := g.ceilings[action]; set {
			ceiling = own // what an account really has may be more than what is published
		}
		return ceiling, startRate
	})
}

// ofPool returns a pool's budget, nil where there is none. Nothing is known of limits to a pool but what is configured.
func (g *governor) ofPool(pool string) *budget {
	if g.poolQPS == 0 || pool == "" {
		return nil
	}
	return g.budget("pool:"+pool, func() (ceiling, start float64) { return g.poolQPS, g.poolQPS })
}

func (g *governor) budget(name string, limits func() (ceiling, start float64)) *budget {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.budgets[name]
	if b == nil {
		g.prune(time.Now())
		ceiling, start := limits()
		b = newBudget(g, name, ceiling, start)
		g.budgets[name] = b
	}
	return b
}

// prune drops budgets that nobody has used for a while, where there are many: whoever enqueues names the pools, and may name any
// number. What such a one held has lapsed.
func (g *governor) prune(now time.Time) {
	if len(g.budgets) < budgetsKept || now.Sub(g.pruned) < idleBudget/2 {
		return
	}
	g.pruned = now
	maps.DeleteFunc(g.budgets, func(_ string, b *budget) bool { return b.idleSince(now.Add(-idleBudget)) })
}

// hear takes in a message of the channel: account and name of a budget, its epoch, and when the call left that closed it.
func (g *governor) hear(message string) {
	const parts = 3
	words := strings.Fields(message)
	if len(words) != parts {
		return
	}
	name, own := strings.CutPrefix(words[0], g.account+":")
	epoch, err := strconv.ParseInt(words[1], 10, 64)
	closedAt, err2 := strconv.ParseInt(words[2], 10, 64)
	g.mu.Lock()
	b := g.budgets[name]
	g.mu.Unlock()
	if own && err == nil && err2 == nil && b != nil {
		b.hear(epoch, closedAt)
	}
}

// close gives back what this worker has reserved and not used.
func (g *governor) close(ctx context.Context) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range g.budgets {
		b.close(ctx)
	}
	g.stop()
}

// away says now and then that the quotas are not shared at the moment.
func (g *governor) away(name string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.saidAway) > sayEvery && g.ctx.Err() == nil {
		g.saidAway = time.Now()
		g.log.Warn().Str("budget", name).Err(err).Msg("redis does not share the quota out: going on with a part of the last known rate")
	}
}

// spread is a duration around d, so that those who wait do not all come back at once.
func spread(d time.Duration) time.Duration {
	return d/2 + rand.N(d) //nolint:gosec,mnd // spreads load; guards nothing
}
