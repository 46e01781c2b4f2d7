package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/dashboard"
)

type devCommand struct {
	logFlags

	Listen string `default:"127.0.0.1:8080" help:"Address of the dashboard (${default})." placeholder:"ADDRESS"`
}

// Run stays up until ctx is done.
func (c *devCommand) Run(ctx context.Context, s streams) error {
	log := c.logger(s.err)
	listener, err := listen(c.Listen, dashPort)
	if err != nil {
		return err
	}
	e, err := startEmbedded(ctx, log, dyplstest.Config{
		Faults: tourFaults(), Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", simNumbers)}},
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	d := dashboard.New(dashboard.Config{Redis: e.options, AllowActions: isLoopback(listener)})
	_, _ = fmt.Fprintf(s.err, `dyplsq dev: everything in memory, LOST ON EXIT. Redis is embedded, the API is simulated, no number is real.
  dashboard   http://%s/
  queue       export REDIS_URL=%s
              dyplsq enqueue BindAxn '{"PoolKey":"%s","PhoneNoA":"13800000001","Expiration":"2099-01-31 23:59:59"}' --wait 10s
`, listener.Addr(), e.url(), dyplstest.DefaultPoolKey)
	return errors.Join(serve(ctx, listener, d), d.Close(), e.close())
}
