package worker

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// refreshEvery is how often each worker looks which breakers are open, beside hearing of it.
const refreshEvery = 10 * time.Second

// traffic decides when a call may leave: the governor and the breaker, which all workers of an account share.
type traffic struct {
	worker   *Worker
	governor *governor
	breaker  *breaker
}

func newTraffic(w *Worker) *traffic {
	return &traffic{worker: w, governor: newGovernor(w.config), breaker: newBreaker(w)}
}

// run keeps up with the other workers until ctx is done, and then gives back what is left.
func (t *traffic) run(ctx context.Context) {
	news := t.worker.config.Redis.Subscribe(ctx, quotaNews, breakerNews)
	defer func() { _ = news.Close() }()
	defer t.close(ctx)
	messages := news.ChannelWithSubscriptions()
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		t.refresh(ctx)
		for again := false; !again; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				again = true
			case message, ok := <-messages:
				again = !ok || t.hear(message)
			}
		}
	}
}

// hear takes in a message, and reports whether the breakers have to be looked at.
func (t *traffic) hear(message any) (look bool) {
	m, isMessage := message.(*redis.Message)
	if !isMessage || m.Channel == breakerNews { // subscribed, perhaps again: something may have been missed
		return true
	}
	t.governor.hear(m.Payload)
	return false
}

func (t *traffic) refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := t.breaker.refresh(ctx); err != nil && ctx.Err() == nil {
		t.worker.log.Warn().Err(err).Msg("which breakers are open could not be read: trying again")
	}
}

func (t *traffic) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	t.governor.close(ctx)
}
