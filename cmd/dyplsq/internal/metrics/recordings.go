package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// recordings are the metrics of those who keep recordings.
type recordings struct {
	results *prometheus.CounterVec
	bytes   prometheus.Counter
	lag     prometheus.Histogram
}

func newRecordings(registry *prometheus.Registry) recordings {
	m := recordings{
		results: counter("recordings_total",
			"Recordings by what came of them: kept, found in the store already, failed and tried again, lost, or absent where nothing had promised one.",
			"result"),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "recording_bytes_total", Help: "Bytes of recordings that were put into the store.",
		}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace,
			Name:      "recording_lag_seconds",
			Help:      "From the end of a call until its recording was kept.",
			Buckets:   []float64{60, 300, 600, 900, 1200, 1800, 3600, 4 * 3600, 24 * 3600, 7 * 24 * 3600},
		}),
	}
	registry.MustRegister(m.results, m.bytes, m.lag)
	return m
}

// ExpectRecordings lets counters of these results begin at 0.
func (m *Receipts) ExpectRecordings(results ...string) {
	for _, result := range results {
		m.recordings.results.WithLabelValues(result)
	}
}

// RecordingDone counts what came of a recording. One that was kept has bytes, and a lag where its
// call is known to have ended.
func (m *Receipts) RecordingDone(result string, bytes int64, lag time.Duration) {
	m.recordings.results.WithLabelValues(result).Inc()
	m.recordings.bytes.Add(float64(bytes))
	if lag > 0 {
		m.recordings.lag.Observe(lag.Seconds())
	}
}

// CollectRecordings lets a scrape see the recordings that are not kept: those that are tried and
// those that are lost, and when the oldest call was dialled whose recording is tried.
func (m *Receipts) CollectRecordings(
	count func(context.Context) (tried, lost int64, oldest time.Time, err error),
) {
	m.registry.MustRegister(missingRecordings{
		count: count,
		missing: prometheus.NewDesc(prometheus.BuildFQName(namespace, "", "recordings_missing"),
			"Recordings that should be kept and are not: tried, or lost. It is the same in every receiver; absent while Redis is away.",
			[]string{"state"}, nil),
		oldest: prometheus.NewDesc(
			prometheus.BuildFQName(namespace, "", "recording_oldest_missing_seconds"),
			"How long ago the oldest call was dialled whose recording is still tried; 0 without any.",
			nil, nil,
		),
	})
}

type missingRecordings struct {
	count           func(context.Context) (tried, lost int64, oldest time.Time, err error)
	missing, oldest *prometheus.Desc
}

// Describe implements [prometheus.Collector].
func (m missingRecordings) Describe(all chan<- *prometheus.Desc) {
	all <- m.missing
	all <- m.oldest
}

// Collect implements [prometheus.Collector].
func (m missingRecordings) Collect(all chan<- prometheus.Metric) {
	const within = 2 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	tried, lost, oldest, err := m.count(ctx)
	if err != nil {
		return
	}
	age := 0.0
	if !oldest.IsZero() {
		age = max(time.Since(oldest).Seconds(), 0)
	}
	all <- prometheus.MustNewConstMetric(m.missing, prometheus.GaugeValue, float64(tried), "tried")
	all <- prometheus.MustNewConstMetric(m.missing, prometheus.GaugeValue, float64(lost), "lost")
	all <- prometheus.MustNewConstMetric(m.oldest, prometheus.GaugeValue, age)
}
