package metrics

import (
	"context"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/history"
	"github.com/seed-5c07c2e9/dyplsq/internal/quota"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	// drainWithin is the time in which a backlog is to be gone.
	drainWithin = time.Minute
	// callsOver is how far back it is looked how many calls are made; rows are whole minutes.
	callsOver = time.Minute
	// headroom is what slots are wanted beyond those that calls take: they are not filled evenly.
	headroom = 1.2
	// unknownCall is taken for the length of a call while a process has made none. It is short, as
	// the most of what all workers say counts, and others may know better.
	unknownCall = 20 * time.Millisecond
)

var wantedDesc = prometheus.NewDesc(
	"dyplsq_wanted_workers",
	"How many workers like this one would keep up: with what is called now and with what waits, within a minute and the quotas.",
	nil,
	nil,
)

// callTimes are how long the calls of each queue have taken lately.
type callTimes struct {
	mu   sync.Mutex
	took map[string]float64 // seconds, by queue
}

// note takes a call into account.
func (t *callTimes) note(action string, took time.Duration) {
	const lately = 32
	kind, known := tasks.Lookup(action)
	if !known {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	before, called := t.took[kind.Queue()]
	if !called {
		before = took.Seconds()
	}
	t.took[kind.Queue()] = before + (took.Seconds()-before)/lately
}

func (t *callTimes) of(queue string) float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if took, called := t.took[queue]; called {
		return took
	}
	return unknownCall.Seconds()
}

// demand is what there is to do in a queue: how many tasks are due, and the calls a second that all
// workers make now, and may make, by account and action. An action of which no quota is known may
// be called without end.
type demand struct {
	pending      int64
	rate, quotas map[string]float64
}

// callsWanted is how many calls a second would keep up with a queue. The backlog is taken to be of
// the actions that are called now, in the same parts.
func (d demand) callsWanted() (calls float64) {
	extra := float64(d.pending) / drainWithin.Seconds()
	total := 0.0
	for _, rate := range d.rate {
		total += rate
	}
	if total == 0 {
		return extra
	}
	for budget, rate := range d.rate {
		wanted := rate + extra*rate/total
		if allowed, known := d.quotas[budget]; known {
			wanted = min(wanted, allowed)
		}
		calls += wanted
	}
	return calls
}

// wantedOf is how many workers the demands of queues want, whose slots are shared out by queue, and
// whose calls take so many seconds: as many as the queue that wants most, and one at least.
func wantedOf(
	demands map[string]demand, slots map[string]int, took func(queue string) float64,
) float64 {
	most := 1.0
	for queue, d := range demands {
		busy := d.callsWanted() * took(queue) * headroom
		most = max(most, math.Ceil(busy/float64(max(slots[queue], 1))))
	}
	return most
}

// wanted tells how many workers would keep up, at each scrape.
type wanted struct {
	redis   redis.UniversalClient
	metrics *Metrics
}

// Describe implements [prometheus.Collector].
func (wanted) Describe(ch chan<- *prometheus.Desc) { ch <- wantedDesc }

// Collect implements [prometheus.Collector]. Where Redis does not tell, nothing is sent: a guess
// would start workers, or end them.
func (w wanted) Collect(ch chan<- prometheus.Metric) {
	if w.metrics.traffic == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	t := w.metrics.traffic()
	demands, err := w.demands(ctx, t.Accounts)
	if err != nil {
		return
	}
	value := wantedOf(demands, t.Slots, w.metrics.callTimes.of)
	ch <- prometheus.MustNewConstMetric(wantedDesc, prometheus.GaugeValue, value)
}

// demands reads what there is to do. Only the accounts of this worker have quotas: it performs no
// tasks of others.
func (w wanted) demands(ctx context.Context, accounts []string) (map[string]demand, error) {
	demands := map[string]demand{}
	for _, queue := range dispatch.Queues() {
		demands[queue] = demand{rate: map[string]float64{}, quotas: map[string]float64{}}
	}
	if err := w.readPending(ctx, demands); err != nil {
		return nil, err
	}
	if err := w.readRates(ctx, demands); err != nil {
		return nil, err
	}
	return demands, w.readQuotas(ctx, accounts, demands)
}

// readPending reads what is due, the shards of a queue together. What is paused is not to be done.
func (w wanted) readPending(ctx context.Context, demands map[string]demand) error {
	names, err := dispatch.Names(ctx, w.redis, 1)
	if err != nil {
		return err
	}
	pending, paused := make([]*redis.IntCmd, len(names)), make([]*redis.IntCmd, len(names))
	_, err = w.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, name := range names {
			pending[i] = p.LLen(ctx, asynqwire.Queue(name).Key(asynqwire.Pending))
			paused[i] = p.Exists(ctx, asynqwire.Queue(name).Key(asynqwire.Paused))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, name := range names {
		queue, _ := dispatch.QueueOf(name)
		if d := demands[queue]; paused[i].Val() == 0 {
			d.pending += pending[i].Val()
			demands[queue] = d
		}
	}
	return nil
}

// readRates reads how many calls a second all workers make, from the history.
func (w wanted) readRates(ctx context.Context, demands map[string]demand) error {
	now := time.Now()
	since := now.Add(-callsOver).Truncate(time.Minute)
	span, err := history.Read(ctx, w.redis, history.Tasks, since, now)
	if err != nil {
		return err
	}
	for _, row := range span.Rows {
		for budget := range row.Values {
			if calls := row.Values.Of(budget, history.Calls); calls > 0 {
				if kind, known := tasks.Lookup(actionOf(budget)); known {
					demands[kind.Queue()].rate[budget] += float64(calls) / now.Sub(since).Seconds()
				}
			}
		}
	}
	return nil
}

// actionOf is the action that a budget is of.
func actionOf(budget string) string { return budget[strings.LastIndexByte(budget, ':')+1:] }

// readQuotas reads how many calls a second they may make.
func (w wanted) readQuotas(
	ctx context.Context, accounts []string, demands map[string]demand,
) error {
	kinds := tasks.Kinds()
	actions := make([]string, len(kinds))
	for i, kind := range kinds {
		actions[i] = kind.Action()
	}
	for _, account := range accounts[:min(len(accounts), maxPools)] {
		known, err := quota.Read(ctx, w.redis, account, actions...)
		if err != nil {
			return err
		}
		for _, k := range known {
			kind, _ := tasks.Lookup(k.Action)
			demands[kind.Queue()].quotas[history.Budget(account, k.Action)] = k.Rate
		}
	}
	return nil
}
