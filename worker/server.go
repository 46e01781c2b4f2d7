package worker

import (
	"context"
	"time"

	"github.com/hibiken/asynq"

	"github.com/seed-5c07c2e9/dyplsq/internal/stack"
)

const (
	pollEvery        = 20 * time.Millisecond  // for pending tasks; an asynq Server waits this long on an empty queue, give or take half
	pollDelayedEvery = 500 * time.Millisecond // for scheduled ones and retries
)

// server is what the worker uses of an asynq.Server.
type server interface {
	Start(handler asynq.Handler) error
	Shutdown()
}

// weights share the calls of a process out among its queues; one that is not named has 1.
var weights = map[string]int{"bind": 4, "unbind": 2}

// newServers makes each queue's own servers, so that a throttled or slow kind never holds another up, several to a
// queue, because one fetches its tasks one after the other.
func (w *Worker) newServers() []server {
	var servers []server
	for queue, calls := range w.slots {
		fetchers, slots := min(w.config.Fetchers, calls), performedAtOnce(calls)
		for i := range fetchers {
			servers = append(servers, asynq.NewServerFromRedisClient(w.config.Redis, asynq.Config{
				Concurrency:              slots/fetchers + bit(i < slots%fetchers),
				Queues:                   map[string]int{queue: 1},
				RetryDelayFunc:           retryDelay,
				IsFailure:                isFailure,
				ShutdownTimeout:          w.config.ShutdownTimeout,
				TaskCheckInterval:        pollEvery,
				DelayedTaskCheckInterval: pollDelayedEvery,
				Logger:                   asynqLogger{w.log.With().Str("component", "asynq").Str("queue", queue).Logger()},
				LogLevel:                 asynq.WarnLevel,
			}))
		}
	}
	return servers
}

// perform performs a delivery, which takes up a slot of its queue meanwhile.
func (w *Worker) perform(ctx context.Context, task *asynq.Task) error {
	stack.Grow(len(task.Payload()))
	queue, _ := asynq.GetQueueName(ctx)
	defer w.ahead.Performing(queue)()
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
