// Package dashboard is asynqmon with the records of tasks in place of their payloads, and with buttons that keep the records true.
package dashboard

import (
	"net/http"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Config is what a dashboard needs.
type Config struct {
	Redis *redis.Options
	// AllowActions lets its buttons change something. Without it, whatever is not a GET is answered with 405.
	AllowActions bool
}

// Dashboard serves the pages and their API.
type Dashboard struct {
	http.Handler

	mon    *asynqmon.HTTPHandler
	queue  *tasks.Queue
	client *redis.Client
}

// New makes a dashboard. It does not wait for a connection to Redis.
func New(config Config) *Dashboard {
	client := redis.NewClient(config.Redis)
	d := &Dashboard{queue: tasks.NewQueue(client), client: client}
	d.mon = asynqmon.New(asynqmon.Options{
		RedisConnOpt:     connections{config.Redis},
		ReadOnly:         !config.AllowActions,
		PayloadFormatter: payloads{d.queue},
		ResultFormatter:  asynqmon.ResultFormatterFunc(func(string, []byte) string { return "" }),
	})
	d.Handler = d.mon
	if config.AllowActions {
		buttons := &actions{records: d.queue, asynq: asynq.NewInspectorFromRedisClient(client), next: d.mon}
		d.Handler = http.NewCrossOriginProtection().Handler(buttons) // another site's page must not press them
	}
	return d
}

// Close ends its connections.
func (d *Dashboard) Close() error {
	_ = d.mon.Close()
	_ = d.queue.Close()
	return d.client.Close()
}

// connections gives asynqmon clients of its own, which it closes.
type connections struct{ options *redis.Options }

// MakeRedisClient implements asynq.RedisConnOpt.
func (c connections) MakeRedisClient() any {
	options := *c.options
	return redis.NewClient(&options)
}
