package main

import (
	"context"
	"errors"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
)

const dashPort = "8080"

type dashCommand struct {
	redisFlags
	logFlags
	doorFlags
	archiveFlag
	callbacksFlags

	Listen       string `default:"127.0.0.1:8080" env:"DYPLSQ_DASH_LISTEN" help:"Address to serve on (${default}). Beyond loopback it needs a password file or a proxy, and TLS or a proxy." placeholder:"ADDRESS"`
	AllowActions bool   `env:"DYPLSQ_DASH_ALLOW_ACTIONS" help:"Let its buttons change something: run, cancel, pause. Without it the dashboard only reads."`
}

// Run serves the dashboard until ctx is done.
func (c *dashCommand) Run(ctx context.Context, s streams) error {
	log := c.logger(s.err)
	client, err := c.client(0)
	door, certificate, doorErr := c.check(isLoopback(c.Listen, dashPort))
	if err = errors.Join(err, doorErr); err != nil {
		return usage(err.Error())
	}
	c.warn(door, log)
	listener, err := listen("--listen", c.Listen, dashPort)
	if err != nil {
		return errors.Join(err, client.Close())
	}
	pages, err := openConsole(consoleOptions{
		redis: c.config(), keys: c.sealing(), actions: c.AllowActions,
		secure:  certificate != nil || c.BehindProxy,
		archive: c.archiveFlag, callbacks: c.callbacksFlags,
	}, log)
	if err != nil {
		return errors.Join(err, listener.Close(), client.Close())
	}
	d, err := dashboard.New(
		dashboard.Config{
			Redis:        client,
			Keys:         c.sealing(),
			AllowActions: c.AllowActions,
			Door:         door,
			Prometheus:   c.Prometheus,
			Note:         dashNote(log),
			Console:      pages,
		},
	)
	if err != nil {
		return errors.Join(err, listener.Close(), pages.close())
	}
	go pages.run(ctx)
	go c.watchKeys(ctx, log)
	server := newServer(d, certificate, log)
	log.Info().Str("url", urlOf(listener, server)).Bool("actions", c.AllowActions).
		Msg("dashboard listening")
	return errors.Join(serveWith(ctx, listener, server), d.Close(), pages.close())
}
