package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
	"github.com/seed-5c07c2e9/dyplsq/dyplsqtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type devCommand struct {
	logFlags
	doorFlags

	Listen string `default:"127.0.0.1:8080" help:"Address of the dashboard (${default}); beyond loopback as for dash." placeholder:"ADDRESS"`
}

// Run stays up until ctx is done.
func (c *devCommand) Run(ctx context.Context, s streams) error {
	log := c.logger(s.err)
	door, certificate, err := c.check(isLoopback(c.Listen, dashPort))
	if err != nil {
		return usage(err.Error())
	}
	c.warn(door, log)
	listener, err := listen("--listen", c.Listen, dashPort)
	if err != nil {
		return err
	}
	system, err := dyplsqtest.Serve(ctx, dyplsqtest.Config{Logger: log, API: dyplstest.Config{
		Faults: tourFaults(),
		Pools: []dyplstest.Pool{
			{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", simNumbers)},
		},
	}})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	client, err := tasks.RedisConfig{URL: system.RedisURL}.Client()
	if err != nil {
		return errors.Join(err, listener.Close(), system.Close())
	}
	d, err := dashboard.New(
		dashboard.Config{
			Redis:        client,
			AllowActions: true,
			Door:         door,
			Prometheus:   c.Prometheus,
			Note:         dashNote(log),
		},
	)
	if err != nil {
		return errors.Join(err, listener.Close(), system.Close())
	}
	server := newServer(d, certificate, log)
	_, _ = fmt.Fprintf(
		s.err,
		`dyplsq dev: everything in memory, LOST ON EXIT. Redis is embedded, the API is simulated, no number is real.
  dashboard   %s
  queue       export REDIS_URL=%s
              dyplsq enqueue BindAxn '{"PoolKey":"%s","PhoneNoA":"13800000001","Expiration":"2099-01-31 23:59:59"}' --wait 10s
`,
		urlOf(listener, server),
		system.RedisURL,
		dyplstest.DefaultPoolKey,
	)
	return errors.Join(serveWith(ctx, listener, server), d.Close(), system.Close())
}
