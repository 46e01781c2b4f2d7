package contender

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Tuned is asynq tuned as well as one can without changing it: several Servers in a process that
// share one client, short polls, a pool that suits the slots, dyplsq's own lean HTTP client, and a
// result that is stored and announced in one round trip instead of written for callers to poll.
func Tuned() Contender { return tuned{} }

type tuned struct{}

func (tuned) Name() string { return "tuned" }

func (t tuned) Worker(site Site, slots int) (*exec.Cmd, error) { return own(t.Name(), site, slots) }

const (
	tunedQueue = "default"
	tunedType  = "bind_axn"

	// One Server fetches its tasks one after the other. More than these bring no more.
	maxServers     = 8
	slotsPerServer = 8
	// checkEvery is dyplsq's own, for an idle load that can be compared.
	checkEvery = 20 * time.Millisecond
	// enqueuers is how many enqueue at once, asynq having no batches.
	enqueuers = 64
)

// announced is the channel on which ids of tasks that have a result are told.
const announced = "results"

func resultKey(id string) string { return "result:" + id }

func runTuned(site Site, slots int) error {
	api, err := site.client(slots)
	if err != nil {
		return err
	}
	client := tunedClient(site.Redis, slots)
	handler := &tunedHandler{api, client}
	servers := min(max(slots/slotsPerServer, 1), maxServers)
	for i := range servers {
		concurrency := slots / servers
		if i < slots%servers {
			concurrency++
		}
		server := asynq.NewServerFromRedisClient(client, asynq.Config{
			Concurrency: concurrency, Queues: map[string]int{tunedQueue: 1}, TaskCheckInterval: checkEvery,
			DelayedTaskCheckInterval: 25 * checkEvery, LogLevel: asynq.ErrorLevel,
		})
		if err := server.Start(handler); err != nil {
			return err
		}
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, os.Interrupt)
	<-ended
	return nil
}

func tunedClient(addr string, slots int) *redis.Client {
	const background = 8 * maxServers // heartbeats and the like
	return redis.NewClient(&redis.Options{
		Addr: addr, PoolSize: slots + background, MaxRetries: -1, ContextTimeoutEnabled: true,
	})
}

type tunedHandler struct {
	api   *aliyun.Client
	redis *redis.Client
}

func (h *tunedHandler) ProcessTask(ctx context.Context, task *asynq.Task) error {
	var req dypls.BindAXNRequest
	if err := json.Unmarshal(task.Payload(), &req); err != nil {
		return fmt.Errorf("%w: %w", err, asynq.SkipRetry)
	}
	id, _ := asynq.GetTaskID(ctx)
	binding, err := dypls.BindAXN.Call(ctx, h.api, dypls.BindAXN.WithOutID(req, id))
	if err != nil {
		return err
	}
	result, err := json.Marshal(binding)
	if err != nil {
		return err
	}
	_, err = h.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, resultKey(id), result, keep)
		p.Publish(ctx, announced, id)
		return nil
	})
	return err
}
