package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/metrics"
	"github.com/seed-5c07c2e9/dyplsq/httpapi"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

type serveCommand struct {
	redisFlags
	serveFlags
	callbacksFlags
	logFlags
	metricsFlags

	Keep               time.Duration `default:"24h" env:"DYPLSQ_KEEP" help:"How long the outcome of a task that is canceled or resolved is kept (${default})." placeholder:"DURATION"`
	RecordingRetention time.Duration `default:"720h" env:"DYPLSQ_RECORDING_RETENTION" help:"How long after its call a recording is asked for (${default})." name:"recording-retention" placeholder:"DURATION"`
	WaitReplicas       int           `env:"DYPLSQ_WAIT_REPLICAS" help:"Replicas of Redis that must hold a task before it counts as enqueued; 0 for none." placeholder:"N"`
}

// Run serves the API until ctx is done, then drains.
func (c *serveCommand) Run(ctx context.Context, s streams) error {
	log := c.logger(s.err)
	_, redisErr := c.given()
	door, doorErr := c.door(log)
	if err := errors.Join(redisErr, doorErr); err != nil {
		return usage(err.Error())
	}
	c.warn(door, log)
	m := metrics.NewServe()
	spans := openTraces(ctx, "serve", log)
	defer spans.close(ctx)
	served, err := c.api(door, m, spans.provider, log)
	if err != nil {
		return err
	}
	defer served.close()
	go c.watchKeys(ctx, log)
	listener, err := listen("--serve-listen", c.ServeListen, servePort)
	if err != nil {
		return err
	}
	shown, err := c.open(ctx, c.redisFlags, log, func(
		_ context.Context, client redis.UniversalClient,
	) endpoints {
		return endpoints{metrics: m.Handler(), alive: health{}.alive, ready: apiReady(client)}
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	server := newServer(served.api, door.certificate, log)
	log.Info().Str("url", urlOf(listener, server)+"v1/").Msg("serving the API")
	context.AfterFunc(ctx, served.api.Drain)
	work, running := errgroup.WithContext(ctx)
	work.Go(func() error { return serveWith(running, listener, server) })
	work.Go(func() error { return served.sender.run(running, served.api.SetCallbacks) })
	return errors.Join(work.Wait(), shown.close())
}

// servedAPI is the API and what it stands on.
type servedAPI struct {
	api    *httpapi.API
	queue  *tasks.Queue
	calls  *calls.Store
	redis  redis.UniversalClient // of the audit
	sender *callbackSender
}

func (c *serveCommand) api(
	door serveDoor,
	m *metrics.Serve,
	spans trace.TracerProvider,
	log zerolog.Logger,
) (served servedAPI, err error) {
	served.queue, err = c.queue(tasks.Config{
		Retention:          c.Keep,
		RecordingRetention: c.RecordingRetention,
		WaitReplicas:       c.WaitReplicas,
		TracerProvider:     spans,
	})
	if err != nil {
		return served, err
	}
	if served.calls, err = c.calls(calls.Config{}); err != nil {
		served.close()
		return served, err
	}
	if served.redis, err = c.client(0); err != nil {
		served.close()
		return served, err
	}
	var named []string
	served.sender, named, err = c.sender(c.redisFlags, served.queue, served.calls, m, spans, log)
	if err != nil {
		served.close()
		return served, err
	}
	served.api, err = httpapi.New(httpapi.Config{
		Queue:     served.queue,
		Calls:     served.calls,
		Tokens:    door.tokens,
		Callbacks: named,
		Admit:     door.admit,
		Logger:    log,
		Audit:     auditOf(c.log(served.redis)),
		Trace: httpapi.Trace{
			RequestDone: func(r httpapi.Request) { m.RequestDone(r.Route, r.Status, r.Took) },
			Waiting:     m.Waiting,
		},
		TracerProvider: spans,
	})
	if err != nil {
		served.close()
	}
	return served, err
}

func (s servedAPI) close() {
	if s.api != nil {
		_ = s.api.Close()
	}
	s.sender.close()
	if s.calls != nil {
		_ = s.calls.Close()
	}
	if s.redis != nil {
		_ = s.redis.Close()
	}
	_ = s.queue.Close()
}

// apiReady says whether a task could be enqueued.
func apiReady(client redis.UniversalClient) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
		defer cancel()
		answer := readiness{Checks: map[string]check{"redis": checkRedis(calls.CheckWrite(ctx, client))}}
		status := http.StatusOK
		if answer.Ready = answer.failing() == ""; !answer.Ready {
			status = http.StatusServiceUnavailable
		}
		writeHealth(w, status, answer)
	}
}
