package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

// embedded is the whole system in one process: a Redis and an API in memory, and a worker between them.
// It reads neither REDIS_URL nor credentials nor the endpoint: it cannot reach production.
type embedded struct {
	redis     *miniredis.Miniredis
	options   *redis.Options
	simulator *dyplstest.Server
	queue     *tasks.Queue

	stop    context.CancelFunc
	running sync.WaitGroup
	err     error // of the worker
}

const embeddedConcurrency = 16

func startEmbedded(ctx context.Context, log zerolog.Logger, simulated dyplstest.Config) (*embedded, error) {
	e := &embedded{redis: miniredis.NewMiniRedis()}
	if err := e.redis.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start the embedded Redis: %w", err)
	}
	var err error
	if e.simulator, err = dyplstest.Serve(simulated); err != nil {
		return nil, errors.Join(err, e.close())
	}
	if e.options, err = tasks.ParseRedisURL(e.url()); err != nil {
		return nil, errors.Join(err, e.close())
	}
	e.queue = tasks.NewQueue(redis.NewClient(e.options))
	api, err := aliyun.New(aliyun.Config{
		Endpoint: e.simulator.URL(), MaxConns: embeddedConcurrency,
		Credentials: aliyun.StaticCredentials(e.simulator.AccessKeyID, e.simulator.AccessKeySecret, ""),
	})
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	w, err := worker.New(worker.Config{
		Redis: redis.NewClient(e.options), Caller: api, Logger: log, Concurrency: embeddedConcurrency, Fetchers: 1,
	})
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	ctx, e.stop = context.WithCancel(ctx)
	e.running.Go(func() { e.err = w.Run(ctx) })
	e.running.Go(func() { e.tick(ctx) })
	return e, nil
}

func (e *embedded) url() string { return "redis://" + e.redis.Addr() + "/0" }

// tick moves the embedded Redis' clock, which does not run by itself: without it nothing would ever expire.
func (e *embedded) tick(ctx context.Context) {
	const every = time.Second
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			e.redis.FastForward(every)
		}
	}
}

// close drains the worker and ends everything.
func (e *embedded) close() error {
	if e.stop != nil {
		e.stop()
		e.running.Wait()
	}
	if e.queue != nil {
		_ = e.queue.Close()
	}
	if e.simulator != nil {
		e.simulator.Close()
	}
	e.redis.Close()
	return e.err
}
