package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/hostcheck"
	"github.com/seed-5c07c2e9/dyplsq/dyplsqtest"
	"github.com/seed-5c07c2e9/dyplsq/httpapi"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type devCommand struct {
	logFlags
	doorFlags

	ServeListen string `default:"127.0.0.1:8070" help:"Address of the HTTP API (${default}), which only this machine may reach." placeholder:"ADDRESS"`

	Listen string `default:"127.0.0.1:8080" help:"Address of the dashboard (${default}); beyond loopback as for dash." placeholder:"ADDRESS"`
}

// Run stays up until ctx is done.
func (c *devCommand) Run(ctx context.Context, s streams) error {
	log := c.logger(s.err)
	door, certificate, err := c.check(isLoopback(c.Listen, dashPort))
	if err != nil {
		return usage(err.Error())
	}
	if !isLoopback(c.ServeListen, servePort) {
		return usage("--serve-listen must be an address of loopback, such as 127.0.0.1:" + servePort + ": dyplsq serve is for others")
	}
	c.warn(door, log)
	listener, err := listen("--listen", c.Listen, dashPort)
	if err != nil {
		return err
	}
	spans := openTraces(ctx, "dev", log)
	defer spans.close(ctx)
	simulated := dyplstest.Config{
		Faults: tourFaults(),
		Pools: []dyplstest.Pool{
			{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", simNumbers)},
		},
	}
	system, err := dyplsqtest.Serve(
		ctx, dyplsqtest.Config{Logger: log, TracerProvider: spans.provider, API: simulated},
	)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	client, err := tasks.RedisConfig{URL: system.RedisURL}.Client()
	if err != nil {
		return errors.Join(err, listener.Close(), system.Close())
	}
	pages, err := openConsole(consoleOptions{
		redis: tasks.RedisConfig{URL: system.RedisURL}, actions: true,
		secure: certificate != nil || c.BehindProxy,
	}, log)
	if err != nil {
		return errors.Join(err, listener.Close(), client.Close(), system.Close())
	}
	d, err := dashboard.New(
		dashboard.Config{
			Redis:        client,
			AllowActions: true,
			Door:         door,
			Prometheus:   c.Prometheus,
			Note:         dashNote(log),
			Console:      pages,
		},
	)
	if err != nil {
		return errors.Join(err, listener.Close(), pages.close(), system.Close())
	}
	server := newServer(d, certificate, log)
	api, err := c.openAPI(system, client, spans.provider, log)
	if err != nil {
		return errors.Join(err, d.Close(), pages.close(), listener.Close(), system.Close())
	}
	_, _ = fmt.Fprintf(
		s.err,
		`dyplsq dev: everything in memory, LOST ON EXIT. Redis is embedded, the API is simulated, no number is real.
  console     %sconsole/
  dashboard   %s
  queue       export REDIS_URL=%s
              dyplsq enqueue BindAxn '{"PoolKey":"%s","PhoneNoA":"13800000001","Expiration":"2099-01-31 23:59:59"}' --wait 10s
  API         curl -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' %sv1/tasks -d '{"action":"BindAxn","id":"order-1","request":{"PoolKey":"%s","PhoneNoA":"13800000001","Expiration":"2099-01-31 23:59:59"}}'
              curl -H 'Authorization: Bearer %s' '%sv1/tasks/order-1?wait=30s'
`,
		urlOf(listener, server),
		urlOf(listener, server),
		system.RedisURL,
		dyplstest.DefaultPoolKey,
		api.secret, api.url(), dyplstest.DefaultPoolKey,
		api.secret, api.url(),
	)
	serving, ctx := errgroup.WithContext(ctx)
	serving.Go(func() error { return serveWith(ctx, listener, server) })
	serving.Go(func() error { return api.serve(ctx) })
	return errors.Join(serving.Wait(), api.close(), d.Close(), pages.close(), system.Close())
}

// devAPI is the HTTP API of dev, for whoever has the token that it prints.
type devAPI struct {
	listener net.Listener
	server   *http.Server
	api      *httpapi.API
	calls    *calls.Store
	secret   string
}

func (c *devCommand) openAPI(
	system *dyplsqtest.System,
	client redis.UniversalClient,
	spans trace.TracerProvider,
	log zerolog.Logger,
) (*devAPI, error) {
	token, secret, err := httpapi.NewToken("dev", httpapi.Scopes(), time.Now())
	if err != nil {
		return nil, err
	}
	store, err := calls.New(calls.Config{Redis: tasks.RedisConfig{URL: system.RedisURL}, Logger: log})
	if err != nil {
		return nil, err
	}
	door := serveDoor{hosts: hostcheck.Hosts{Loopback: true}}
	api, err := httpapi.New(httpapi.Config{
		Queue: system.Queue, Calls: store, Tokens: httpapi.TokenList{token}, Admit: door.admit,
		Logger:         log,
		TracerProvider: spans,
		Audit:          auditOf(audit.New(client)),
	})
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	listener, err := listen("--serve-listen", c.ServeListen, servePort)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &devAPI{listener, newServer(api, nil, log), api, store, secret}, nil
}

func (a *devAPI) url() string { return urlOf(a.listener, a.server) }

func (a *devAPI) serve(ctx context.Context) error {
	context.AfterFunc(ctx, a.api.Drain)
	return serveWith(ctx, a.listener, a.server)
}

func (a *devAPI) close() error { return errors.Join(a.api.Close(), a.calls.Close()) }
