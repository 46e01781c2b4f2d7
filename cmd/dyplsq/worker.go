package main

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"sync"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

type workerCommand struct {
	redisFlags
	performFlags
	logFlags
	metricsFlags

	Probe bool `help:"Tell, by the exit status, whether the worker on this host is ready, or, without --metrics-listen, whether one is alive: a health check for containers."`
}

// Run performs tasks until ctx is done.
func (c *workerCommand) Run(ctx context.Context, s streams) error {
	log := c.logger(s.err)
	if c.Probe {
		return c.probe(ctx)
	}
	collectSeldom()
	limitMemory()
	api, err := c.clients(c.apiFlags, c.Concurrency)
	if err != nil {
		return err
	}
	defer api.close()
	config, err := c.workerConfig(c.redisFlags, api)
	if err != nil {
		return err
	}
	config.Logger = log
	spans := openTraces(ctx, "worker", log)
	defer spans.close(ctx)
	config.TracerProvider = spans.provider
	go c.watchKeys(ctx, log)
	observed := c.observe(&config)
	w, err := worker.New(config)
	if err != nil {
		return usage(err.Error())
	}
	showTraffic(observed, w)
	o, err := c.overview(ctx, c.redisFlags, observed, api.checkCredentials, w.Status, log)
	if err != nil {
		return err
	}
	if err = api.awaitCredentials(ctx, log); err == nil {
		err = c.perform(ctx, w, config, log)
	}
	return errors.Join(err, o.close())
}

// perform runs the worker, and settles binds by receipts as long as it runs. It does so here, and
// not where receipts come in: that is open to the network, and has no credentials.
func (c *workerCommand) perform(
	ctx context.Context,
	w *worker.Worker,
	config worker.Config,
	log zerolog.Logger,
) error {
	queue, err := c.queue(tasks.Config{Retention: c.Keep, TracerProvider: config.TracerProvider})
	if err != nil {
		return err
	}
	defer func() { _ = queue.Close() }()
	store, err := c.calls(calls.Config{Logger: log, TracerProvider: config.TracerProvider})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	settler := calls.Settler{Store: store, Queue: queue, Caller: w.Caller}
	if found := config.Trace.SurplusFound; found != nil {
		settler.SurplusFound = func(action string) { found(worker.Surplus{Action: action}) }
	}
	settling, stop := context.WithCancel(ctx)
	var settled sync.WaitGroup
	settled.Go(func() {
		err := settler.Run(settling)
		if settling.Err() == nil {
			log.Error().Err(err).Msg("settling by receipts ended")
		}
	})
	err = w.Run(ctx)
	stop()
	settled.Wait()
	return err
}

// collectSeldom lets the heap of a worker, of which little is live, grow by more than Go's default
// between two collections, which would take up a tenth of a busy one's time: some tens of
// megabytes. GOGC has the last word.
func collectSeldom() {
	const percent = 400
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
