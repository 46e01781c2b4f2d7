package worker

import (
	"context"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/stack"
)

// How often asynq's Servers ask for pending tasks, give or take half, and for scheduled ones and
// retries that are due.
const (
	// asynqhost answers most of it by itself, and has a Server wait until there is something.
	askEvery, askDelayedEvery = 2 * time.Millisecond, 100 * time.Millisecond
	// Without it Redis is asked each time.
	pollEvery, pollDelayedEvery = 20 * time.Millisecond, 500 * time.Millisecond
	// expireEvery is for outcomes that asynq keeps, of which there are none.
	expireEvery = time.Minute
)

// server is what the worker uses of an asynq.Server.
type server interface {
	Start(handler asynq.Handler) error
	Shutdown()
}

// weights share the calls of a process out among its queues; one that is not named has 1.
var weights = map[string]int{"bind": 4, "unbind": 2}

// newServers makes the servers of a queue, or of one of its shards: its own, so that a throttled or
// slow kind, or a node of a cluster that is away, never holds another up; several, where one that
// fetches its tasks one after the other is not enough. Those of all shards of a queue share its
// slots.
func (w *Worker) newServers(name string) []server {
	queue, _ := dispatch.QueueOf(name)
	calls := w.callsAtOnce[queue]
	fetchers, slots := min(w.config.Fetchers, calls), performedAtOnce(calls)
	servers := make([]server, fetchers)
	every, delayedEvery := askEvery, askDelayedEvery
	if w.config.AsynqPlain {
		every, delayedEvery = slowed(pollEvery, w.ofEach(), polledAtFullPace), slowed(
			pollDelayedEvery,
			w.ofEach(),
			forwardedAtFullPace,
		)
	}
	for i := range servers {
		servers[i] = asynq.NewServerFromRedisClient(w.forAsynq(), asynq.Config{
			Concurrency:              slots/fetchers + bit(i < slots%fetchers),
			Queues:                   map[string]int{name: 1},
			RetryDelayFunc:           retryDelay,
			IsFailure:                isFailure,
			ShutdownTimeout:          w.config.ShutdownTimeout,
			TaskCheckInterval:        every,
			DelayedTaskCheckInterval: delayedEvery,
			JanitorInterval:          expireEvery,
			Logger: asynqLogger{
				w.log.With().Str("component", "asynq").Str("queue", name).Logger(),
			},
			LogLevel: asynq.WarnLevel,
		})
	}
	return servers
}

// forAsynq is the client of asynq's Servers.
func (w *Worker) forAsynq() redis.UniversalClient { //nolint:ireturn // what asynq takes
	if w.config.AsynqPlain {
		return w.config.client
	}
	return w.host.Client()
}

// perform performs a delivery, which takes up a slot of its queue meanwhile.
func (w *Worker) perform(ctx context.Context, task *asynq.Task) error {
	stack.Grow(len(task.Payload()))
	queue, _ := asynq.GetQueueName(ctx)
	defer w.host.Performing(queue)()
	return w.ProcessTask(ctx, task)
}

// shares gives each queue at least one of the slots, and the rest by weight.
func shares(queues []string, slots int) map[string]int {
	total := 0
	for _, q := range queues {
		total += weightOf(q)
	}
	spare := slots - len(queues)
	share := make(map[string]int, len(queues))
	given := 0
	for _, q := range queues {
		share[q] = 1 + spare*weightOf(q)/total
		given += share[q]
	}
	share[queues[0]] += slots - given
	return share
}

func weightOf(queue string) int {
	if weight, named := weights[queue]; named {
		return weight
	}
	return 1
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
