package metrics

import "github.com/prometheus/client_golang/prometheus"

// Traffic is how a worker holds calls back: calls a second of each budget, now and at most, and the scopes that are denied.
type Traffic struct {
	Rates, Ceilings map[string]float64
	Open            []string
}

var (
	quotaRate    = prometheus.NewDesc("dyplsq_quota_rate", "Calls a second that all workers together make at most now.", []string{"budget"}, nil)
	quotaCeiling = prometheus.NewDesc("dyplsq_quota_ceiling", "Calls a second that they never go beyond.", []string{"budget"}, nil)
	breakersOpen = prometheus.NewDesc("dyplsq_breakers_open", "Scopes whose calls are held, because the API denies them.", nil, nil)
	breakerState = prometheus.NewDesc("dyplsq_breaker_state", "1 while calls of the scope are held, because the API denies them.", []string{"scope"}, nil)
)

// trafficCollector asks the worker at each scrape.
type trafficCollector struct{ read func() Traffic }

// CollectTraffic shows what read returns.
func (m *Metrics) CollectTraffic(read func() Traffic) {
	m.registry.MustRegister(trafficCollector{read})
}

// Describe implements [prometheus.Collector].
func (trafficCollector) Describe(to chan<- *prometheus.Desc) {
	to <- quotaRate
	to <- quotaCeiling
	to <- breakersOpen
	to <- breakerState
}

// Collect implements [prometheus.Collector]. Budgets and scopes may be of pools: no more than so many are shown.
func (c trafficCollector) Collect(to chan<- prometheus.Metric) {
	t := c.read()
	shown := 0
	for budget, rate := range t.Rates {
		if shown++; shown > maxPools {
			break
		}
		to <- prometheus.MustNewConstMetric(quotaRate, prometheus.GaugeValue, rate, budget)
		to <- prometheus.MustNewConstMetric(quotaCeiling, prometheus.GaugeValue, t.Ceilings[budget], budget)
	}
	to <- prometheus.MustNewConstMetric(breakersOpen, prometheus.GaugeValue, float64(len(t.Open)))
	for i, scope := range t.Open {
		if i == maxPools {
			break
		}
		to <- prometheus.MustNewConstMetric(breakerState, prometheus.GaugeValue, 1, scope)
	}
}
