package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-5c07c2e9/dyplsq/internal/breakers"
)

// Traffic is how a worker holds calls back: how many it makes at once, its accounts and their
// budgets, the scopes that are denied, and the accounts that it does not know and whose tasks it
// has held lately.
type Traffic struct {
	Slots    map[string]int // calls that it makes at once, by queue
	Accounts []string
	Budgets  []Budget
	Open     []Scope
	Missing  []string
}

// Budget is a quota: calls a second, now and at most.
type Budget struct {
	Account, Name string
	Rate, Ceiling float64
}

// Scope is one whose calls are held.
type Scope struct{ Account, Name string }

var (
	quotaRate = prometheus.NewDesc(
		"dyplsq_quota_rate",
		"Calls a second that all workers together make at most now.",
		[]string{"account", "budget"},
		nil,
	)
	quotaCeiling = prometheus.NewDesc(
		"dyplsq_quota_ceiling",
		"Calls a second that they never go beyond.",
		[]string{"account", "budget"},
		nil,
	)
	breakersOpen = prometheus.NewDesc(
		"dyplsq_breakers_open",
		"Scopes whose calls are held: those that the API denies, and endpoint where what answers is not the API.",
		nil,
		nil,
	)
	breakerState = prometheus.NewDesc(
		"dyplsq_breaker_state",
		"1 while calls of the scope are held: the API denies them, or, of the scope endpoint, what answers is not the API.",
		[]string{"account", "scope"},
		nil,
	)
	accountMissing = prometheus.NewDesc(
		"dyplsq_account_missing",
		"1 while tasks of the account are held, because this worker does not know it.",
		[]string{"account"},
		nil,
	)
)

// trafficCollector asks the worker at each scrape.
type trafficCollector struct{ read func() Traffic }

// CollectTraffic shows what read returns. It comes before [Metrics.CollectQueues].
func (m *Metrics) CollectTraffic(read func() Traffic) {
	m.traffic = read
	m.registry.MustRegister(trafficCollector{read})
}

// Describe implements [prometheus.Collector].
func (trafficCollector) Describe(to chan<- *prometheus.Desc) {
	to <- quotaRate
	to <- quotaCeiling
	to <- breakersOpen
	to <- breakerState
	to <- accountMissing
}

// Collect implements [prometheus.Collector]. Budgets and scopes may be of pools: no more than so
// many are shown.
func (c trafficCollector) Collect(to chan<- prometheus.Metric) {
	t := c.read()
	for _, b := range t.Budgets[:min(len(t.Budgets), maxPools)] {
		to <- prometheus.MustNewConstMetric(quotaRate, prometheus.GaugeValue, b.Rate, b.Account, b.Name)
		to <- prometheus.MustNewConstMetric(
			quotaCeiling, prometheus.GaugeValue, b.Ceiling, b.Account, b.Name,
		)
	}
	to <- prometheus.MustNewConstMetric(breakersOpen, prometheus.GaugeValue, float64(len(t.Open)))
	for _, s := range t.Open[:min(len(t.Open), maxPools)] {
		to <- prometheus.MustNewConstMetric(breakerState, prometheus.GaugeValue, 1, s.Account, s.Name)
	}
	for _, account := range t.Accounts {
		if !slices.Contains(
			t.Open,
			Scope{Account: account, Name: breakers.Endpoint},
		) { // an alert needs the series before its first 1
			to <- prometheus.MustNewConstMetric(
				breakerState, prometheus.GaugeValue, 0, account, breakers.Endpoint,
			)
		}
		to <- prometheus.MustNewConstMetric(accountMissing, prometheus.GaugeValue, 0, account)
	}
	for _, account := range t.Missing {
		to <- prometheus.MustNewConstMetric(accountMissing, prometheus.GaugeValue, 1, account)
	}
}
