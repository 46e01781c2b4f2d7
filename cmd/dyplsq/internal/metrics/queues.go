package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
)

// collectTimeout bounds what one scrape waits for Redis. What is late then is left out of this
// scrape.
const collectTimeout = 5 * time.Second

// The names are those of asynq's own exporter, so that asynqmon's charts find them.
var (
	enqueuedDesc = queueDesc(
		"asynq_tasks_enqueued_total",
		"Number of tasks enqueued; broken down by queue and state.",
		"state",
	)
	sizeDesc    = queueDesc("asynq_queue_size", "Number of tasks in a queue.")
	latencyDesc = queueDesc(
		"asynq_queue_latency_seconds",
		"Number of seconds the oldest pending task is waiting in pending state to be processed.",
	)
	memoryDesc = queueDesc(
		"asynq_queue_memory_usage_approx_bytes",
		"Number of memory used by a given queue (approximated number by sampling).",
	)
	processedDesc = queueDesc(
		"asynq_tasks_processed_total",
		"Number of tasks processed (both succeeded and failed); broken down by queue.",
	)
	failedDesc = queueDesc("asynq_tasks_failed_total", "Number of tasks failed; broken down by queue.")
	pausedDesc = queueDesc("asynq_queue_paused_total", "Number of queues paused.")
	oldestDesc = queueDesc(
		"dyplsq_oldest_waiting_task_seconds",
		"For how long the task that waits longest could have been performed: one that is pending, or that should be.",
	)
	upDesc = queueDesc("dyplsq_queue_up", "1 where the queue could be read for this scrape.")
)

func queueDesc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append([]string{"queue"}, more...), nil)
}

// queues collects how asynq's queues stand, each by itself: one that cannot be read hides no other.
type queues struct {
	redis     redis.UniversalClient
	inspector *asynq.Inspector
}

// CollectQueues adds the queues of a Redis, and how many workers they want. The client should give
// up within seconds and not be the one that tasks need.
func (m *Metrics) CollectQueues(client redis.UniversalClient) {
	m.registry.MustRegister(
		&queues{redis: client, inspector: asynq.NewInspectorFromRedisClient(client)},
		wanted{redis: client, metrics: m},
	)
}

// Describe implements [prometheus.Collector].
func (*queues) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		enqueuedDesc, sizeDesc, latencyDesc, memoryDesc, processedDesc, failedDesc, pausedDesc,
		oldestDesc, upDesc,
	} {
		ch <- desc
	}
}

// Collect implements [prometheus.Collector].
func (q *queues) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	names, err := dispatch.Names(ctx, q.redis, 1)
	if err != nil {
		names = dispatch.Queues() // each of which will say that it cannot be read
	}
	var reading sync.WaitGroup
	for _, name := range names {
		reading.Go(func() { q.collect(ctx, ch, name) })
	}
	reading.Wait()
}

// collect reads one queue. asynq takes no context: what is late writes into a channel that nobody
// reads any longer.
func (q *queues) collect(ctx context.Context, ch chan<- prometheus.Metric, name string) {
	read := make(chan queueState, 1)
	go func() { read <- q.read(name) }()
	var state queueState
	select {
	case state = <-read:
	case <-ctx.Done():
		state.err = ctx.Err()
	}
	ch <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, success(state.err), name)
	if state.err == nil {
		state.send(ch)
	}
}

// queueState is what there is to tell of a queue.
type queueState struct {
	info   *asynq.QueueInfo
	oldest time.Duration
	err    error
}

func (q *queues) read(name string) queueState {
	info, err := q.inspector.GetQueueInfo(name)
	if err != nil {
		return queueState{err: err}
	}
	oldest := info.Latency
	for _, list := range []func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error){
		q.inspector.ListRetryTasks, q.inspector.ListScheduledTasks,
	} {
		first, err := list(name, asynq.PageSize(1))
		if err != nil {
			return queueState{err: err}
		}
		for _, task := range first {
			oldest = max(oldest, time.Since(task.NextProcessAt))
		}
	}
	return queueState{info: info, oldest: oldest}
}

func (s queueState) send(ch chan<- prometheus.Metric) {
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(
			desc, kind, value, append([]string{s.info.Queue}, labels...)...,
		)
	}
	for state, n := range map[string]int{
		"active": s.info.Active, "pending": s.info.Pending, "scheduled": s.info.Scheduled,
		"retry":    s.info.Retry,
		"archived": s.info.Archived, "completed": s.info.Completed,
	} {
		send(enqueuedDesc, prometheus.GaugeValue, float64(n), state)
	}
	send(sizeDesc, prometheus.GaugeValue, float64(s.info.Size))
	send(latencyDesc, prometheus.GaugeValue, s.info.Latency.Seconds())
	send(memoryDesc, prometheus.GaugeValue, float64(s.info.MemoryUsage))
	send(processedDesc, prometheus.CounterValue, float64(s.info.ProcessedTotal))
	send(failedDesc, prometheus.CounterValue, float64(s.info.FailedTotal))
	paused := 0.0
	if s.info.Paused {
		paused = 1
	}
	send(pausedDesc, prometheus.GaugeValue, paused)
	send(oldestDesc, prometheus.GaugeValue, s.oldest.Seconds())
}

func success(err error) float64 {
	if err != nil {
		return 0
	}
	return 1
}
