package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/hostcheck"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/metrics"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

// metricsPort is the one that OpenTelemetry's exporters for Prometheus use: 9090 is Prometheus'
// own.
const metricsPort = "9464"

// metricsFlags say where a worker shows how it is. There is no default: a second worker on the same
// machine could not have it, too.
type metricsFlags struct {
	MetricsListen string `env:"DYPLSQ_METRICS_LISTEN" help:"Address of /metrics, /healthz and /readyz, such as 127.0.0.1:9464; off unless set. It has no password and shows no number." placeholder:"ADDRESS"`
}

// observe has a worker counted, where somebody can see it.
func (f metricsFlags) observe(config *worker.Config) *metrics.Metrics {
	if f.MetricsListen == "" {
		return nil
	}
	m := metrics.New()
	for account := range config.Callers {
		m.Expect(account)
	}
	config.Trace, config.RedisHook = traceOf(m), m.RedisHook()
	return m
}

// traceOf counts what happens in a worker.
func traceOf(m *metrics.Metrics) worker.Trace {
	return worker.Trace{
		AttemptDone:  func(a worker.Attempt) { m.Attempted(a.Account, a.Action, a.Class, a.Code) },
		CallDone:     func(c worker.Call) { m.Called(c.Action, c.Took) },
		QueueWaited:  func(q worker.QueueWait) { m.Queued(q.Queue, q.Waited) },
		QuotaWaited:  func(q worker.QuotaWait) { m.Waited(q.Action, q.Waited) },
		TaskDone:     func(e worker.TaskEnd) { m.Ended(e.Action, string(e.State)) },
		SurplusFound: func(s worker.Surplus) { m.Surplus(s.Action) },
		DataLost:     m.Forgot,

		Undecryptable: func(u worker.Undecryptable) { m.Undecryptable(u.Action) },
	}
}

// showTraffic lets a worker's quotas and breakers be seen.
func showTraffic(m *metrics.Metrics, w *worker.Worker) {
	if m == nil {
		return
	}
	m.CollectTraffic(func() metrics.Traffic {
		now := w.Traffic()
		t := metrics.Traffic{Slots: now.CallsAtOnce, Accounts: now.Accounts, Missing: now.Missing}
		for _, b := range now.Budgets {
			t.Budgets = append(t.Budgets, metrics.Budget(b))
		}
		for _, d := range now.Open {
			t.Open = append(t.Open, metrics.Scope{Account: d.Account, Name: d.Scope})
		}
		return t
	})
}

// overview is a process' own HTTP server: its metrics and its health.
type overview struct {
	// of its own, which gives up soon and takes nothing from the tasks' pool
	redis redis.UniversalClient
	stop  context.CancelFunc
	ended chan error
}

// overview opens a worker's, or returns nil where there is none. It is open until it is closed: a
// worker that drains is still seen.
func (f metricsFlags) overview(
	ctx context.Context,
	flags redisFlags,
	m *metrics.Metrics,
	credentials func(context.Context) error,
	status func() worker.Status,
	log zerolog.Logger,
) (*overview, error) {
	return f.open(ctx, flags, log, func(ctx context.Context, client redis.UniversalClient) endpoints {
		m.CollectQueues(client)
		go m.Watch(ctx, client, flags.sealing())
		h := newHealth(client, credentials, status)
		return endpoints{metrics: m.Handler(), alive: h.alive, ready: h.ready}
	})
}

// endpoints are what an overview serves.
type endpoints struct {
	metrics      http.Handler
	alive, ready http.HandlerFunc
}

// open opens the port, or returns nil where there is none. show is given a context that ends with
// the server.
func (f metricsFlags) open(
	ctx context.Context,
	flags redisFlags,
	log zerolog.Logger,
	show func(context.Context, redis.UniversalClient) endpoints,
) (*overview, error) {
	if f.MetricsListen == "" {
		return nil, nil //nolint:nilnil // no port, no error
	}
	client, err := quickClient(flags)
	if err != nil {
		return nil, err
	}
	listener, err := listen("--metrics-listen", f.MetricsListen, metricsPort)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	o := &overview{redis: client, stop: stop, ended: make(chan error, 1)}
	shown, mux := show(ctx, client), http.NewServeMux()
	mux.Handle("GET /metrics", shown.metrics)
	mux.HandleFunc("GET /healthz", shown.alive)
	mux.HandleFunc("GET /readyz", shown.ready)
	hosts := hostcheck.Hosts{Loopback: isLoopback(f.MetricsListen, metricsPort)}
	server := newServer(hosts.Guard(mux), nil, log)
	log.Info().Str("url", urlOf(listener, server)+"metrics").Msg("metrics listening")
	go func() { o.ended <- serveWith(ctx, listener, server) }()
	return o, nil
}

// close ends the server.
func (o *overview) close() error {
	if o == nil {
		return nil
	}
	o.stop()
	return errors.Join(<-o.ended, o.redis.Close())
}

// quickClient is for what must answer within seconds, also where Redis does not.
//
//nolint:ireturn // one server, or many
func quickClient(flags redisFlags) (redis.UniversalClient, error) {
	const (
		within      = 2 * time.Second
		connections = 16
	)
	config := flags.config()
	config.Timeout, config.PoolSize = within, connections
	return connect(config)
}
