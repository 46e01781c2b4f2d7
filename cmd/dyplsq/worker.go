package main

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/worker"
)

type workerCommand struct {
	redisFlags
	apiFlags
	accountFlags
	logFlags
	quotaFlags
	metricsFlags

	Concurrency     int           `default:"64" env:"DYPLSQ_CONCURRENCY" help:"Calls at once in this process, shared out among the queues (${default})."`
	Fetchers        int           `default:"1" env:"DYPLSQ_FETCHERS" help:"Servers that fetch tasks, for each queue (${default})."`
	MaxAttempts     int           `env:"DYPLSQ_MAX_ATTEMPTS" help:"Calls that may be made for one task; 0 for each kind's own: binds 6, others 12." placeholder:"N"`
	OnUncertain     string        `default:"hold" enum:"hold,retry" env:"DYPLSQ_ON_UNCERTAIN" help:"What becomes of a bind whose answer was lost and that cannot be looked up: hold keeps it for a person to settle; retry sends it once more, at the risk of a second number."`
	OnNoNumber      string        `default:"fail" enum:"fail,wait" env:"DYPLSQ_ON_NO_NUMBER" help:"What becomes of a bind for which no number is free: fail tells at once; wait keeps it until a number is freed or its time is over."`
	ShutdownTimeout time.Duration `default:"20s" env:"DYPLSQ_SHUTDOWN_TIMEOUT" help:"How long calls that are out are waited for (${default}); what kills the process must wait longer." placeholder:"DURATION"`
	Keep            time.Duration `default:"24h" env:"DYPLSQ_KEEP" help:"How long outcomes are kept (${default}); a recording's until its link expires." placeholder:"DURATION"`
	KeepStream      time.Duration `default:"24h" env:"DYPLSQ_KEEP_STREAM" help:"How long the ids of finished tasks can be followed (${default})." placeholder:"DURATION"`
	NumberCooldown  time.Duration `default:"24h" env:"DYPLSQ_NUMBER_COOLDOWN" help:"How long a number of an inventory rests after its binding ended (${default})." placeholder:"DURATION"`
	WaitReplicas    int           `env:"DYPLSQ_WAIT_REPLICAS" help:"Replicas of Redis that must know of a call before it leaves; 0 for none." placeholder:"N"`
	Probe           bool          `help:"Tell, by the exit status, whether the worker on this host is ready, or, without --metrics-listen, whether one is alive: a health check for containers."`
}

// Run performs tasks until ctx is done.
func (c *workerCommand) Run(ctx context.Context, s streams) error {
	log := c.logger(s.err)
	if c.Probe {
		return c.probe(ctx)
	}
	collectSeldom()
	limitMemory()
	redisClient, err := c.redisFlags.client(worker.PoolSize(c.Concurrency, c.Fetchers))
	if err != nil {
		return err
	}
	defer func() { _ = redisClient.Close() }()
	ceilings, err := c.ceilings()
	if err != nil {
		return err
	}
	api, err := c.clients(c.apiFlags, c.Concurrency)
	if err != nil {
		return err
	}
	defer api.close()
	config := worker.Config{
		Redis: redisClient, Caller: api.own, Callers: api.callers(), Logger: log, Concurrency: c.Concurrency, Fetchers: c.Fetchers, Shards: c.Shards,
		MaxAttempts: c.MaxAttempts,
		HTTPTimeout: c.HTTPTimeout, ShutdownTimeout: c.ShutdownTimeout, Keep: c.Keep, KeepStream: c.KeepStream,
		OnUncertain: worker.OnUncertain(c.OnUncertain), NumberCooldown: c.NumberCooldown,
		WaitReplicas: c.WaitReplicas, QPS: ceilings, PoolQPS: c.PoolQPS, OnNoNumber: worker.OnNoNumber(c.OnNoNumber),
	}
	observed := c.observe(redisClient, &config)
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
		err = w.Run(ctx)
	}
	return errors.Join(err, o.close())
}

// collectSeldom lets the heap of a worker, of which little is live, grow by more than Go's default between two collections, which
// would take up a tenth of a busy one's time: some tens of megabytes. GOGC has the last word.
func collectSeldom() {
	const percent = 400
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
