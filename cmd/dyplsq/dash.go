package main

import (
	"context"
	"errors"

	"github.com/seed-5c07c2e9/dyplsq/internal/dashboard"
)

const dashPort = "8080"

type dashCommand struct {
	redisFlags
	logFlags

	Listen       string `default:"127.0.0.1:8080" env:"DYPLSQ_DASH_LISTEN" help:"Address to serve on (${default}). The dashboard has no password: keep it on loopback, or publish it there." placeholder:"ADDRESS"`
	AllowActions bool   `env:"DYPLSQ_DASH_ALLOW_ACTIONS" help:"Let its buttons change something: run, cancel, pause. Without it the dashboard only reads."`
}

// Run serves the dashboard until ctx is done.
func (c *dashCommand) Run(ctx context.Context, s streams) error {
	log := c.logger(s.err)
	options, err := c.options()
	if err != nil {
		return err
	}
	listener, err := listen(c.Listen, dashPort)
	if err != nil {
		return err
	}
	if !isLoopback(listener) {
		if c.AllowActions {
			return errors.Join(usage("--allow-actions needs a loopback address: the dashboard has no password"), listener.Close())
		}
		log.Warn().Msg("the dashboard has no password: whoever reaches this address can read the queues")
	}
	d := dashboard.New(dashboard.Config{Redis: options, AllowActions: c.AllowActions})
	log.Info().Str("url", "http://"+listener.Addr().String()+"/").Bool("actions", c.AllowActions).Msg("dashboard")
	return errors.Join(serve(ctx, listener, d), d.Close())
}
