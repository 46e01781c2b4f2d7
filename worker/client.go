package worker

import (
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/autopipeline"
	"github.com/seed-5c07c2e9/dyplsq/internal/sendonce"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// dial makes the worker's own client.
func (c Config) dial() (redis.UniversalClient, error) { //nolint:ireturn // one server, or many
	if c.client != nil {
		return c.client, nil
	}
	config := c.Redis
	config.PoolSize = max(config.PoolSize, c.poolSize())
	return config.Client()
}

// poolSize is enough connections, whatever the shards: nearly all commands share pipelines.
func (c Config) poolSize() int {
	const background = 6 // of one asynq Server: heartbeat, forwarder, recoverer, janitor, syncer, cancelations
	return c.Concurrency + len(tasks.Queues())*c.Fetchers*background
}

// hookUp adds the hooks of the worker's client, once. The first is the outermost: a command is looked at by itself before it
// shares a pipeline.
func (w *Worker) hookUp() {
	client := w.config.client
	if w.config.RedisHook != nil {
		client.AddHook(w.config.RedisHook)
	}
	client.AddHook(w.refusals)
	client.AddHook(w.losses)
	client.AddHook(autopipeline.New(client))
	sendonce.Install(client)
}
