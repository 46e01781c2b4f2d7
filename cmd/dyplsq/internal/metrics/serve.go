package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Serve are the metrics of the HTTP API.
type Serve struct {
	registry *prometheus.Registry

	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	waiting  prometheus.Gauge
}

// NewServe registers everything.
func NewServe() *Serve {
	m := &Serve{registry: prometheus.NewRegistry()}
	m.requests = counter(
		"http_requests_total",
		"Requests of the HTTP API, by route and by how they were answered. The route of one that met none is other; 499 is that its client did not wait.",
		"route",
		"status",
	)
	m.took = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace,
		Name:      "http_request_duration_seconds",
		Help:      "How long it took to answer a request of the HTTP API, what it waited for included.",
		Buckets:   []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 15, 60},
	}, []string{"route"})
	m.waiting = prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace,
		Name:      "http_requests_waiting",
		Help:      "Requests of the HTTP API that wait for an outcome, or are open for events.",
	})
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.requests,
		m.took,
		m.waiting,
	)
	return m
}

// RequestDone counts a request that is over; of no route where it met none.
func (m *Serve) RequestDone(route string, status int, took time.Duration) {
	if route == "" {
		route = other
	}
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.took.WithLabelValues(route).Observe(took.Seconds())
}

// Waiting notes how many requests wait.
func (m *Serve) Waiting(open int) { m.waiting.Set(float64(open)) }

// Handler answers scrapes.
func (m *Serve) Handler() http.Handler { return handlerFor(m.registry) }
