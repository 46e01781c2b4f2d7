package metrics

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Receipts are the metrics of a receiver.
type Receipts struct {
	registry *prometheus.Registry

	pushes   *prometheus.CounterVec
	answered prometheus.Histogram
	receipts *prometheus.CounterVec
	lag      prometheus.Histogram
}

// NewReceipts registers everything. What can be named beforehand begins at 0, results among it.
func NewReceipts(results ...string) *Receipts {
	m := &Receipts{registry: prometheus.NewRegistry()}
	m.pushes = counter(
		"receipt_pushes_total",
		"Pushes of receipts, by type and by how they were answered. The type of one that was not let in is other; 503 is that Redis did not store it in time.",
		"type",
		"status",
	)
	m.answered = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace,
		Name:      "receipt_push_duration_seconds",
		Help:      "How long it took to answer a push; the platform waits 0.7 s.",
		Buckets:   []float64{.001, .002, .005, .01, .02, .05, .1, .2, .3, .5, .7, 1},
	})
	m.receipts = counter("receipts_total", "Receipts, by type and by what became of them.", "type", "result")
	m.lag = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace,
		Name:      "receipt_lag_seconds",
		Help:      "From when a receipt was taken in until its call had it.",
		Buckets:   []float64{.001, .005, .01, .05, .1, .5, 1, 5, 15, 60, 300, 3600},
	})
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.pushes,
		m.answered,
		m.receipts,
		m.lag,
	)
	for _, t := range dypls.ReceiptTypes() {
		for _, status := range []int{http.StatusOK, http.StatusServiceUnavailable} {
			m.pushes.WithLabelValues(string(t), strconv.Itoa(status))
		}
		for _, result := range results {
			m.receipts.WithLabelValues(string(t), result)
		}
	}
	return m
}

// PushDone counts a push that was answered; of no type where it was not let in.
func (m *Receipts) PushDone(t dypls.ReceiptType, status int, took time.Duration) {
	m.pushes.WithLabelValues(receiptLabel(t), strconv.Itoa(status)).Inc()
	m.answered.Observe(took.Seconds())
}

// ReceiptDone counts a receipt that has its place.
func (m *Receipts) ReceiptDone(t dypls.ReceiptType, result string, lag time.Duration) {
	m.receipts.WithLabelValues(receiptLabel(t), result).Inc()
	m.lag.Observe(lag.Seconds())
}

func receiptLabel(t dypls.ReceiptType) string {
	if !t.Known() {
		return other
	}
	return string(t)
}

// CollectWaiting lets a scrape see how many pushes wait to be merged.
func (m *Receipts) CollectWaiting(count func(context.Context) (int64, error)) {
	const within = 2 * time.Second
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace,
		Name:      "receipt_pushes_waiting",
		Help:      "Pushes that were taken in and are not merged yet; not a number while Redis is away.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		n, err := count(ctx)
		if err != nil {
			return math.NaN()
		}
		return float64(n)
	}))
}

// Handler answers scrapes.
func (m *Receipts) Handler() http.Handler { return handlerFor(m.registry) }
