package worker

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/internal/quota"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/breaker"
)

// refreshEvery is how often each worker looks which breakers are open, beside hearing of it.
const refreshEvery = 10 * time.Second

// traffic decides when a call of an account may leave: the rate limiter and the breaker, which all workers of the account share.
type traffic struct {
	worker  *Worker
	limiter *quota.Limiter
	breaker *breaker.Breaker

	log      zerolog.Logger
	saidAway atomic.Int64 // when it was last said that the quotas are not shared, in ns
}

func newTraffic(w *Worker, account string) *traffic {
	c := w.config
	t := &traffic{worker: w, log: accountLog(c, account)}
	t.breaker = breaker.New(breaker.Config{
		Redis: c.client, Account: account, Log: t.log,
		First: cmp.Or(w.timing.probeFirst, deniedBase), Most: cmp.Or(w.timing.probeMost, deniedCap), Lease: w.timing.probeLease,
		Persist: func(ctx context.Context, step func(context.Context) error) error {
			return w.untilWritten(ctx, "", "breaker", step)
		},
	})
	t.limiter = quota.New(quota.Config{Redis: c.client, Account: account, Ceilings: c.QPS, PoolQPS: c.PoolQPS, NotShared: t.sayNotShared})
	return t
}

// sayNotShared says now and then that the quotas are not shared at the moment.
func (t *traffic) sayNotShared(bucket string, err error) {
	last := t.saidAway.Load()
	if now := time.Now().UnixNano(); now-last > int64(sayEvery) && t.saidAway.CompareAndSwap(last, now) {
		t.log.Warn().Str("budget", bucket).Err(err).Msg("redis does not share the quota out: going on with a part of the last known rate")
	}
}
