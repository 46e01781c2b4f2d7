package metrics

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Receipts are the metrics of a receiver.
type Receipts struct {
	registry *prometheus.Registry

	pushes     *prometheus.CounterVec
	answered   prometheus.Histogram
	receipts   *prometheus.CounterVec
	lag        prometheus.Histogram
	messages   *prometheus.CounterVec
	inQueue    prometheus.Histogram
	tokens     *prometheus.CounterVec
	recordings recordings
	calls      *prometheus.CounterVec

	mu    sync.Mutex
	pools map[string]bool // that calls are counted of by name
}

// NewReceipts registers everything. What can be named beforehand begins at 0, results among it.
func NewReceipts(results ...string) *Receipts {
	m := &Receipts{registry: prometheus.NewRegistry(), pools: map[string]bool{}}
	m.calls = counter(
		"calls_total",
		"Calls that have ended, each once, by pool, and by whether the two talked or why not. Of pools the first 100 are named, the rest are other.",
		"pool",
		"result",
	)
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
	m.messages = counter(
		"receipt_messages_total",
		"Messages that were taken from the platform's queues, by type and by what became of them. What is not stored, or is broken, stays in its queue and comes again.",
		"type",
		"result",
	)
	m.inQueue = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: namespace,
		Name:      "receipt_queue_lag_seconds",
		Help:      "From when a message was put into its queue until it was stored.",
		Buckets:   []float64{.01, .05, .1, .5, 1, 5, 15, 60, 300, 3600, 86400},
	})
	m.tokens = counter(
		"receipt_tokens_total",
		"Tokens for the platform's queues that were asked for, by type, and whether there was one.",
		"type",
		"result",
	)
	m.registry.MustRegister(
		m.calls,
		m.messages,
		m.inQueue,
		m.tokens,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.pushes,
		m.answered,
		m.receipts,
		m.lag,
	)
	m.recordings = newRecordings(m.registry)
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

// CallDone counts a call that has ended.
func (m *Receipts) CallDone(pool, result string) {
	m.calls.WithLabelValues(m.poolLabel(pool), result).Inc()
}

// poolLabel is a pool that is among the first that were seen.
func (m *Receipts) poolLabel(pool string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.pools[pool] {
		if pool == "" || len(m.pools) >= maxPools || dypls.Scrub(pool) != pool {
			return other
		}
		m.pools[pool] = true
	}
	return pool
}

// MessageDone counts a message that was taken from a queue.
func (m *Receipts) MessageDone(t dypls.ReceiptType, result string, stored bool, lag time.Duration) {
	m.messages.WithLabelValues(receiptLabel(t), result).Inc()
	if stored {
		m.inQueue.Observe(lag.Seconds())
	}
}

// TokenDone counts a token that was asked for.
func (m *Receipts) TokenDone(t dypls.ReceiptType, obtained bool) {
	m.tokens.WithLabelValues(receiptLabel(t), tokenResult(obtained)).Inc()
}

func tokenResult(obtained bool) string {
	if obtained {
		return "ok"
	}
	return "failed"
}

// ReceiptQueue is one of the platform's queues.
type ReceiptQueue struct {
	Type   dypls.ReceiptType
	Name   string
	Pulled bool
}

// CollectQueues lets a scrape see which queues are pulled.
func (m *Receipts) CollectQueues(queues func() []ReceiptQueue) {
	for _, q := range queues() {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace:   namespace,
			Name:        "receipt_queue_up",
			Help:        "1 while a queue of the platform is pulled; 0 while it rests, or does not answer.",
			ConstLabels: prometheus.Labels{"type": string(q.Type), "queue": q.Name},
		}, func() float64 {
			for _, now := range queues() {
				if now.Name == q.Name && now.Pulled {
					return 1
				}
			}
			return 0
		}))
		for _, obtained := range []bool{true, false} {
			m.tokens.WithLabelValues(string(q.Type), tokenResult(obtained))
		}
	}
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
