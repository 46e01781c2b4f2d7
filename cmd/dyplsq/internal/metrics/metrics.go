package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	// scrapesAtOnce is how many scrapes are answered at a time; others are refused.
	scrapesAtOnce = 4
	// scrapeTimeout ends a scrape. Prometheus gives one up after 10 s, unless it is told otherwise.
	scrapeTimeout = 9 * time.Second
)

var (
	// callBuckets reach from a millisecond to the longest that a call may take.
	callBuckets = []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15}
	// queueBuckets reach from a millisecond to the day within which most tasks are of use.
	queueBuckets = []float64{
		.001,
		.005,
		.01,
		.05,
		.1,
		.5,
		1,
		5,
		15,
		60,
		300,
		900,
		3600,
		6 * 3600,
		24 * 3600,
	}
)

// Metrics are those of one worker, whose events are told to its methods.
type Metrics struct {
	registry *prometheus.Registry

	attempts    *prometheus.CounterVec
	throttled   *prometheus.CounterVec
	calls       *prometheus.HistogramVec
	waited      *prometheus.HistogramVec
	queued      *prometheus.HistogramVec
	outcomes    *prometheus.CounterVec
	uncertain   *prometheus.CounterVec
	surplus     *prometheus.CounterVec
	sealed      *prometheus.CounterVec
	redisErrors *prometheus.CounterVec
	forgot      prometheus.Counter

	callTimes callTimes
	traffic   func() Traffic // nil until it is collected

	inventory *prometheus.GaugeVec
	held      prometheus.Gauge
	collected *prometheus.GaugeVec
}

// New registers everything.
func New() *Metrics {
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		callTimes: callTimes{took: map[string]float64{}},
	}
	m.attempts = counter(
		"attempts_total",
		"Attempts, by what came of them. The class of a success is empty.",
		"account",
		"action",
		"class",
		"code",
	)
	m.throttled = counter("throttled_total", "Calls that the API throttled.", "account", "action")
	m.calls = histogram(
		"call_duration_seconds",
		"How long calls of the API took.",
		callBuckets,
		"action",
	)
	m.waited = histogram(
		"governor_wait_seconds",
		"How long calls waited for their turn in the quota of all workers.",
		callBuckets,
		"action",
	)
	m.queued = histogram(
		"time_in_queue_seconds",
		"From when a task was due until it was first called; at most 50 tasks a second are sampled.",
		queueBuckets,
		"queue",
	)
	m.outcomes = counter(
		"outcomes_total",
		"Tasks that came to their end in this worker.",
		"action",
		"state",
	)
	m.uncertain = counter(
		"uncertain_total",
		"Tasks of which nobody can tell whether they took effect.",
		"action",
	)
	m.surplus = counter(
		"surplus_total",
		"Bindings that turned up late and are unbound again.",
		"action",
	)
	m.sealed = counter(
		"undecryptable_total",
		"How often a task was held back because what is recorded of it does not open.",
		"action",
	)
	m.redisErrors = counter("redis_errors_total", "Commands to Redis that failed, by how.", "kind")
	m.forgot = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: namespace,
		Name:      "redis_forgot_total",
		Help:      "How often Redis came back with less than it had; binds then pause for a while.",
	})
	m.inventory = gauge(
		"inventory_numbers",
		"Numbers of a pool's inventory, by where they stand.",
		"pool",
		"state",
	)
	m.held = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace,
		Name:      "uncertain_tasks",
		Help:      "Uncertain tasks that wait for somebody to settle them, in all.",
	})
	m.collected = gauge(
		"collector_success",
		"1 where what is counted every minute, inventories and uncertain tasks, was read in full the last time.",
		"collector",
	)
	m.register()
	m.expectKinds()
	m.Expect(tasks.DefaultAccount)
	return m
}

func (m *Metrics) register() {
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.attempts,
		m.throttled,
		m.calls,
		m.waited,
		m.queued,
		m.outcomes,
		m.uncertain,
		m.surplus,
		m.sealed,
		m.redisErrors,
		m.forgot,
		m.inventory,
		m.held,
		m.collected,
	)
}

// expectKinds lets what can be named beforehand begin at 0, so that the first event shows as an
// increase.
func (m *Metrics) expectKinds() {
	for _, kind := range tasks.Kinds() {
		m.calls.WithLabelValues(kind.Action())
		m.waited.WithLabelValues(kind.Action())
		m.queued.WithLabelValues(kind.Queue())
		m.uncertain.WithLabelValues(kind.Action())
		m.surplus.WithLabelValues(kind.Action())
		m.sealed.WithLabelValues(kind.Action())
		for _, state := range []record.State{record.Succeeded, record.Failed, record.Uncertain} {
			m.outcomes.WithLabelValues(kind.Action(), string(state))
		}
	}
	for _, kind := range redisErrorKinds {
		m.redisErrors.WithLabelValues(kind)
	}
}

// Expect lets the codes of an account begin at 0 that an operator has to act on.
func (m *Metrics) Expect(account string) {
	for _, kind := range tasks.Kinds() {
		action := kind.Action()
		m.throttled.WithLabelValues(account, action)
		for _, row := range dypls.Codes() {
			if row.Class == dypls.Denied || row.Class == dypls.Exhausted {
				m.attempts.WithLabelValues(account, action, string(row.Class), row.Code)
			}
		}
		m.attempts.WithLabelValues(
			account,
			action,
			string(dypls.Exhausted),
			dypls.CodeNotSent,
		) // no number of the inventory is free
	}
}

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler { return handlerFor(m.registry) }

func handlerFor(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: scrapesAtOnce,
		Timeout:             scrapeTimeout,
	})
}

const namespace = "dyplsq"

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(
		prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help},
		labels,
	)
}

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(
		prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help},
		labels,
	)
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(
		prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets},
		labels,
	)
}
