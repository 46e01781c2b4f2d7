package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Callbacks are the metrics of who tells endpoints.
type Callbacks struct {
	registry *prometheus.Registry

	attempts *prometheus.CounterVec
	took     prometheus.Histogram
}

// Callbacks registers the metrics of callbacks, which the API's process sends.
func (m *Serve) Callbacks() *Callbacks {
	c := &Callbacks{registry: m.registry}
	c.attempts = counter("callbacks_total",
		"Callbacks that were sent, by endpoint and by what came of it: delivered, failed and sent again later, or dead, which is sent no more.",
		"endpoint", "result")
	c.took = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace,
		Name:      "callback_duration_seconds",
		Help:      "How long endpoints took to answer a callback, or not to; 15 s at the most.",
		Buckets:   []float64{.005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 15},
	})
	m.registry.MustRegister(c.attempts, c.took)
	return c
}

// Expect lets an endpoint's counters of these results begin at 0.
func (m *Callbacks) Expect(endpoint string, results ...string) {
	for _, result := range results {
		m.attempts.WithLabelValues(endpoint, result)
	}
}

// AttemptDone counts a callback that was sent.
func (m *Callbacks) AttemptDone(endpoint, result string, took time.Duration) {
	m.attempts.WithLabelValues(endpoint, result).Inc()
	m.took.Observe(took.Seconds())
}

// CallbackEndpoint is how an endpoint stands.
type CallbackEndpoint struct {
	Name                   string
	Pending, Failing, Dead int64
	Oldest                 time.Time // the event that has waited longest; zero for none
	Disabled               bool
}

// Collect lets a scrape see how endpoints stand.
func (m *Callbacks) Collect(standing func(context.Context) ([]CallbackEndpoint, error)) {
	desc := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name),
			help+" It is the same in every process; absent while Redis is away.", append([]string{"endpoint"}, more...), nil)
	}
	m.registry.MustRegister(callbackEndpoints{
		standing: standing,
		waiting: desc("callbacks_waiting",
			"Callbacks that wait to be sent: pending for the first time, or failing, which are sent again.", "state"),
		dead:     desc("callbacks_dead", "Callbacks of the last 7 days that were given up."),
		oldest:   desc("callback_oldest_waiting_seconds", "How long the callback that waits longest has waited; 0 without any."),
		disabled: desc("callback_endpoint_disabled", "1 for an endpoint that answered 410, and is told nothing until it is enabled."),
	})
}

type callbackEndpoints struct {
	standing                        func(context.Context) ([]CallbackEndpoint, error)
	waiting, dead, oldest, disabled *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (c callbackEndpoints) Describe(all chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.waiting, c.dead, c.oldest, c.disabled} {
		all <- desc
	}
}

// Collect implements [prometheus.Collector].
func (c callbackEndpoints) Collect(all chan<- prometheus.Metric) {
	const within = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	endpoints, err := c.standing(ctx)
	if err != nil {
		return
	}
	for _, e := range endpoints {
		age, disabled := 0.0, 0.0
		if !e.Oldest.IsZero() {
			age = max(time.Since(e.Oldest).Seconds(), 0)
		}
		if e.Disabled {
			disabled = 1
		}
		send := func(desc *prometheus.Desc, value float64, labels ...string) {
			all <- prometheus.MustNewConstMetric(
				desc, prometheus.GaugeValue, value, append([]string{e.Name}, labels...)...,
			)
		}
		send(c.waiting, float64(e.Pending), "pending")
		send(c.waiting, float64(e.Failing), "failing")
		send(c.dead, float64(e.Dead))
		send(c.oldest, age)
		send(c.disabled, disabled)
	}
}
