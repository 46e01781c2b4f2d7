// Package quota is the rate limiter that all workers of an account share, through Redis.
package quota

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

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

const (
	// bucketsKept is up to how many buckets none is dropped, idleBucket how long one is kept that
	// nobody uses.
	bucketsKept = 256
	idleBucket  = time.Minute
)

// startRate is how many calls a second an action begins with, all workers together, where nothing
// is known of its quota.
const startRate = 50

// Config says whose calls a [Limiter] limits.
type Config struct {
	Redis    redis.UniversalClient
	Account  string
	Ceilings map[string]float64 // calls a second of an action, in place of the published quota
	PoolQPS  float64            // calls a second of any one pool; 0 for no limit
	// NotShared is told that Redis did not answer for a bucket. Its limiter goes on with a part of the
	// last known rate.
	NotShared func(bucket string, err error)
}

// Limiter keeps all workers of an account together within its quotas, with one bucket for each
// action. docs/ratelimiter.md has the algorithm and its reasons.
type Limiter struct {
	config Config
	worker string
	ctx    context.Context //nolint:containedctx // of the goroutines that ask the script
	stop   context.CancelFunc

	mu      sync.Mutex
	buckets map[string]*Bucket
	pruned  time.Time // when buckets were dropped last
}

// New returns a limiter of one worker. Close it at the end.
func New(c Config) *Limiter {
	l := &Limiter{config: c, worker: uuid.NewString(), buckets: map[string]*Bucket{}}
	l.ctx, l.stop = context.WithCancel(context.Background())
	return l
}

// Action returns an action's bucket.
func (l *Limiter) Action(action string) *Bucket {
	return l.bucket(action, func() (ceiling, start float64) {
		ceiling = math.MaxInt32
		if quota, published := dypls.Quota(action); published {
			ceiling = float64(quota)
		}
		if own, set := l.config.Ceilings[action]; set {
			ceiling = own // what an account really has may be more than what is published
		}
		return ceiling, startRate
	})
}

// Pool returns a pool's bucket, nil where there is none. Nothing is known of limits to a pool but
// what is configured.
func (l *Limiter) Pool(pool string) *Bucket {
	if l.config.PoolQPS == 0 || pool == "" {
		return nil
	}
	return l.bucket(
		"pool:"+pool,
		func() (ceiling, start float64) { return l.config.PoolQPS, l.config.PoolQPS },
	)
}

func (l *Limiter) bucket(name string, limits func() (ceiling, start float64)) *Bucket {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[name]
	if b == nil {
		l.prune(time.Now())
		ceiling, start := limits()
		b = newBucket(l, name, ceiling, start)
		l.buckets[name] = b
	}
	return b
}

// prune drops buckets that nobody has used for a while, where there are many: whoever enqueues
// names the pools, and may name any number. What such a one held has lapsed.
func (l *Limiter) prune(now time.Time) {
	if len(l.buckets) < bucketsKept || now.Sub(l.pruned) < idleBucket/2 {
		return
	}
	l.pruned = now
	maps.DeleteFunc(
		l.buckets,
		func(_ string, b *Bucket) bool { return b.idleSince(now.Add(-idleBucket)) },
	)
}

// LimitsPools reports whether pools have limits of their own.
func (l *Limiter) LimitsPools() bool { return l.config.PoolQPS > 0 }

// Hear takes in a message of the channel: account and name of a bucket, its epoch, and when the
// call left that closed it.
func (l *Limiter) Hear(message string) {
	const parts = 3
	words := strings.Fields(message)
	if len(words) != parts {
		return
	}
	name, own := strings.CutPrefix(words[0], l.config.Account+":")
	epoch, err := strconv.ParseInt(words[1], 10, 64)
	closedAt, err2 := strconv.ParseInt(words[2], 10, 64)
	l.mu.Lock()
	b := l.buckets[name]
	l.mu.Unlock()
	if own && err == nil && err2 == nil && b != nil {
		b.hear(epoch, closedAt)
	}
}

// Close gives back what this worker has reserved and not used.
func (l *Limiter) Close(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.buckets {
		b.close(ctx)
	}
	l.stop()
}

// notShared reports that a question to Redis failed, unless it was given up.
func (l *Limiter) notShared(bucket string, err error) {
	if l.config.NotShared != nil && l.ctx.Err() == nil {
		l.config.NotShared(bucket, err)
	}
}

// Rate is what is known of a bucket.
type Rate struct {
	Bucket  string  // an action, or pool: and a pool's key
	Current float64 // calls a second that all workers together make at most now
	Ceiling float64 // that they never go beyond
}

// Snapshot returns what this limiter knows of the buckets that it has used. It asks nobody.
func (l *Limiter) Snapshot() []Rate {
	l.mu.Lock()
	defer l.mu.Unlock()
	rates := make([]Rate, 0, len(l.buckets))
	for name, b := range l.buckets {
		b.mu.Lock()
		rates = append(rates, Rate{Bucket: name, Current: b.allotment.rate, Ceiling: b.ceiling})
		b.mu.Unlock()
	}
	return rates
}

// spread is a duration around d, so that those who wait do not all come back at once.
func spread(d time.Duration) time.Duration {
	return d/2 + rand.N(d) //nolint:gosec,mnd // spreads load; guards nothing
}
