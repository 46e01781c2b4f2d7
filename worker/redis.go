package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/refusal"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
	sayEvery     = 10 * time.Second
	declareEvery = 30 * time.Second
	noEviction   = "noeviction"
)

// untilWritten tries step until Redis answers, or nobody waits for this worker any longer. That ctx is done ends nothing:
// what is to be written down concerns a call that has left, or may have been granted.
func (w *Worker) untilWritten(ctx context.Context, id, what string, step func(context.Context) error) error {
	var said time.Time
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		tryCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		err := step(tryCtx)
		cancel()
		if err == nil {
			return nil
		}
		if _, refused := refusal.Of(err); refused { // of every task alike: told once
			w.refusals.note(err)
		} else if time.Since(said) > sayEvery {
			said = time.Now()
			w.log.Warn().Str("id", id).Str("step", what).Err(err).Msg("redis does not take it: trying again")
		}
		select {
		case <-w.stopped:
			return err
		case <-time.After(pause):
		}
	}
}

// awaitRedis waits until Redis takes what a worker writes, and refuses one that may throw tasks away. It waits for one that refuses,
// too, whatever the reason: a password is rotated, a replica is promoted, and a worker that had given up would be missing.
func (w *Worker) awaitRedis(ctx context.Context) error {
	var said time.Time
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		pingCtx, cancel := context.WithTimeout(ctx, writeTimeout)
		err := w.writeQueueNames(pingCtx)
		cancel()
		if err == nil {
			return w.checkEviction(ctx)
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // told to end while waiting: no failure
		}
		if _, refused := refusal.Of(err); refused {
			w.refusals.note(err)
		} else if time.Since(said) > sayEvery {
			said = time.Now()
			w.log.Warn().Err(tasks.RedisError(err)).Msg("redis is out of reach: trying again")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// checkEviction: a Redis that evicts keys when memory is short loses tasks and outcomes without a word.
func (w *Worker) checkEviction(ctx context.Context) error {
	if cluster, ok := w.config.client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
			return w.checkEvictionOf(ctx, master)
		})
	}
	return w.checkEvictionOf(ctx, w.config.client)
}

func (w *Worker) checkEvictionOf(ctx context.Context, server redis.Cmdable) error {
	settings, err := server.ConfigGet(ctx, "maxmemory-policy").Result()
	policy, told := settings["maxmemory-policy"]
	if err != nil || !told {
		w.log.Warn().Msg("redis does not tell its maxmemory-policy: make sure that it is noeviction")
		return nil //nolint:nilerr // managed editions hide their settings
	}
	if policy != noEviction {
		return fmt.Errorf("worker: redis has maxmemory-policy %s and would throw tasks away when memory is short: set it to %s", policy, noEviction)
	}
	return nil
}

// writeQueueNames is the smallest thing that a worker writes.
func (w *Worker) writeQueueNames(ctx context.Context) error {
	serving := w.served.all()
	names := make([]any, len(serving))
	for i, name := range serving {
		names[i] = name
	}
	return w.config.client.SAdd(ctx, asynqwire.Queues, names...).Err()
}

// declareQueues keeps asynq's list of queues whole: asynq itself writes a name once per process, and a failover may lose it.
func (w *Worker) declareQueues(ctx context.Context) {
	tick := time.NewTicker(declareEvery)
	defer tick.Stop()
	for {
		err := w.writeQueueNames(ctx)
		if _, refused := refusal.Of(err); err != nil && !refused && ctx.Err() == nil { // refusals are told of once
			w.log.Warn().Err(err).Msg("the names of the queues could not be written: trying again")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
