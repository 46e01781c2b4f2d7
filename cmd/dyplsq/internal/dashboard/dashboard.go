// Package dashboard is asynqmon behind a door: with the records of tasks in place of their
// payloads, with buttons that keep the records true, and with nothing on it that shows a number or
// asks another host.
package dashboard

import (
	"fmt"
	"net/http"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Config is what a dashboard needs.
type Config struct {
	// Redis is a client of the dashboard's own, which adds a hook to it and closes it.
	Redis redis.UniversalClient
	// Keys are those of the tasks, nil for none.
	Keys *tasks.Keys
	// AllowActions lets its buttons change something. Without it, whatever is not a GET is answered
	// with 405.
	AllowActions bool
	// Door says who may come in.
	Door Door
	// Prometheus is the base URL of a Prometheus whose series the charts show. Without it there are no
	// charts.
	Prometheus string
	// Console, when there is one, answers whatever begins with [ConsoleRoot]. Who asks it has passed
	// the door, and is in the context of the request: [AccessOf].
	Console http.Handler
	// Note is told of what the operator's log should hold: each action, and each log-in that was
	// refused. It may be nil.
	Note func(Event)
}

// Dashboard serves the pages and their API.
type Dashboard struct {
	http.Handler

	mon    *asynqmon.HTTPHandler
	queue  *tasks.Queue
	client redis.UniversalClient
}

// New makes a dashboard. It does not wait for a connection to Redis.
func New(config Config) (*Dashboard, error) {
	client := config.Redis
	client.AddHook(memoryHook{})
	queue, err := tasks.New(tasks.Config{Client: client, Keys: config.Keys})
	if err != nil {
		return nil, fmt.Errorf("the dashboard's queue: %w", err)
	}
	d := &Dashboard{queue: queue, client: client}
	shown := records{d.queue}
	log := audit.New(client).WithKeys(config.Keys)
	d.mon = asynqmon.New(asynqmon.Options{
		RedisConnOpt:      connection{client},
		ReadOnly:          !config.AllowActions,
		PayloadFormatter:  payloads{},
		ResultFormatter:   asynqmon.ResultFormatterFunc(func(string, []byte) string { return "" }),
		PrometheusAddress: config.Prometheus,
	})
	inspector := asynq.NewInspectorFromRedisClient(client)
	pages, err := newPages(d.mon, config.Console != nil)
	if err != nil {
		return nil, fmt.Errorf("the dashboard's pages: %w", err)
	}
	d.Handler = newDoor(config.Door, config.Note, &site{
		api: &api{
			mon: masked{d.mon, shown}, queues: queues{inspector}, tasks: details{inspector, shown},
			buttons:  &actions{records: d.queue, asynq: inspector, audit: log, next: masked{d.mon, shown}},
			readOnly: !config.AllowActions, charts: config.Prometheus != "",
			places: make(chan struct{}, apiAtOnce),
		},
		pages: pages, console: config.Console,
	})
	return d, nil
}

// Close ends its connections.
func (d *Dashboard) Close() error {
	_ = d.queue.Close()
	return d.client.Close() // asynqmon has no other
}

// connection gives asynqmon the client that the dashboard has.
type connection struct{ redis.UniversalClient }

// MakeRedisClient implements asynq.RedisConnOpt.
func (c connection) MakeRedisClient() any { return c.UniversalClient }
