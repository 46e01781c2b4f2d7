package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/worker"
)

type workerCommand struct {
	redisFlags
	apiFlags
	logFlags
	quotaFlags

	Concurrency     int           `default:"64" env:"DYPLSQ_CONCURRENCY" help:"Calls at once in this process, shared out among the queues (${default})."`
	Fetchers        int           `default:"1" env:"DYPLSQ_FETCHERS" help:"Servers that fetch tasks, for each queue (${default})."`
	MaxAttempts     int           `env:"DYPLSQ_MAX_ATTEMPTS" help:"Calls that may be made for one task; 0 for each kind's own: binds 6, others 12." placeholder:"N"`
	OnUncertain     string        `default:"hold" enum:"hold,retry" env:"DYPLSQ_ON_UNCERTAIN" help:"What becomes of a bind whose answer was lost and that cannot be looked up: hold keeps it for a person to settle; retry sends it once more, at the risk of a second number."`
	OnNoNumber      string        `default:"fail" enum:"fail,wait" env:"DYPLSQ_ON_NO_NUMBER" help:"What becomes of a bind for which no number is free: fail tells at once; wait keeps it until a number is freed or its time is over."`
	ShutdownTimeout time.Duration `default:"20s" env:"DYPLSQ_SHUTDOWN_TIMEOUT" help:"How long calls that are out are waited for (${default}); what kills the process must wait longer." placeholder:"DURATION"`
	Keep            time.Duration `default:"24h" env:"DYPLSQ_KEEP" help:"How long outcomes are kept (${default}); a recording's until its link expires." placeholder:"DURATION"`
	KeepStream      time.Duration `default:"24h" env:"DYPLSQ_KEEP_STREAM" help:"How long the ids of finished tasks can be followed (${default})." placeholder:"DURATION"`
	NumberCooldown  time.Duration `default:"24h" env:"DYPLSQ_NUMBER_COOLDOWN" help:"How long a number of an inventory rests after its binding ended (${default})." placeholder:"DURATION"`
	Probe           bool          `help:"Tell, by the exit status, whether a worker on this host is alive: a health check for containers."`
}

// Run performs tasks until ctx is done.
func (c *workerCommand) Run(ctx context.Context, s streams) error {
	log := c.logger(s.err)
	redisClient, err := c.redisFlags.client(worker.PoolSize(c.Concurrency, c.Fetchers))
	if err != nil {
		return err
	}
	defer func() { _ = redisClient.Close() }()
	if c.Probe {
		return probe(asynq.NewInspectorFromRedisClient(redisClient))
	}
	ceilings, err := c.ceilings()
	if err != nil {
		return err
	}
	api, err := c.apiFlags.client(c.Concurrency)
	if err != nil {
		return err
	}
	defer func() { _ = api.Close() }()
	w, err := worker.New(worker.Config{
		Redis: redisClient, Caller: api, Logger: log, Concurrency: c.Concurrency, Fetchers: c.Fetchers, MaxAttempts: c.MaxAttempts,
		HTTPTimeout: c.HTTPTimeout, ShutdownTimeout: c.ShutdownTimeout, Keep: c.Keep, KeepStream: c.KeepStream,
		OnUncertain: worker.OnUncertain(c.OnUncertain), NumberCooldown: c.NumberCooldown,
		QPS: ceilings, PoolQPS: c.PoolQPS, OnNoNumber: worker.OnNoNumber(c.OnNoNumber),
	})
	if err != nil {
		return usage(err.Error())
	}
	if err := awaitCredentials(ctx, api, log); err != nil {
		return err
	}
	return w.Run(ctx)
}

// probe looks for a heartbeat of this host.
func probe(inspector *asynq.Inspector) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find this host's name: %w", err)
	}
	servers, err := inspector.Servers()
	if err != nil {
		return statusError{statusUnreachable, fmt.Sprintf("redis is out of reach: %v", err)}
	}
	for _, server := range servers {
		if server.Host == host && server.Status == "active" {
			return nil
		}
	}
	return statusError{statusFailed, "no worker is alive on this host"}
}
