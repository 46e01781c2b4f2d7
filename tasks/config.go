package tasks

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/consumergroup"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// Config is what a [Queue] needs: where Redis is, as Redis or as Client. Zero values of the others
// mean the defaults. [New] checks everything at once.
type Config struct {
	// Redis says where the tasks are. The queue makes a client of its own, and closes it.
	Redis RedisConfig
	// Client is one of the application's own, in place of Redis. The queue does not close it. Make it
	// with [RedisConfig.Client]: a client that sends commands again by itself, go-redis' default, can
	// lose deliveries.
	Client redis.UniversalClient

	// Shards is over how many queues the tasks of each kind are spread by their ids: bind.0, bind.1
	// and so on. 1 by default, which is bind itself; 64 at most. On a Redis Cluster each is on one
	// node, so that the nodes share the load. Producers and workers should agree on it, and need not:
	// workers serve every shard that holds tasks.
	Shards int
	// WaitReplicas is how many replicas of Redis must hold a task before it counts as enqueued, so
	// that a failover cannot forget it: none by default. They are waited for half a second at most,
	// see [ErrUnreplicated]. On a Redis Cluster they are those of the node that owns the task's slot.
	WaitReplicas int
	// Retention is how long the outcome of a task that is canceled or resolved is kept: 24 hours by
	// default, as a worker keeps the others. At least a minute: with its record a key loses its
	// protection, and the request may be made again under it.
	Retention time.Duration
	// RecordingRetention is how long after its call a recording is asked for: 30 days by default, as
	// the API keeps them (14 days by its document of 2018). At least a minute, at most ten years.
	RecordingRetention time.Duration
	// Keys seal what Redis keeps of the tasks: nil, the default, seals nothing. Whoever performs or
	// collects the tasks needs them, too, and all should have them before one of them is active.
	Keys *Keys
	// TracerProvider is OpenTelemetry's: where a span of each Enqueue goes. nil, the default, traces
	// nothing. An application that has a global one gives otel.GetTracerProvider(). The span is noted
	// in the tasks' records, so that what workers do is linked to it.
	TracerProvider trace.TracerProvider
}

// defaultRetention is how long the outcome of a task that is settled or withdrawn by hand is kept.
const defaultRetention = 24 * time.Hour

// Open returns a queue on the Redis at a URL, see [RedisConfig], with the defaults of [Config]. It
// does not wait for a connection.
func Open(redisURL string) (*Queue, error) {
	return New(Config{Redis: RedisConfig{URL: redisURL}})
}

// New returns a queue. It does not wait for a connection. Its error tells everything that is wrong
// with the configuration.
func New(c Config) (*Queue, error) {
	c = c.withDefaults()
	client, err := c.check()
	if err != nil {
		return nil, err
	}
	records := record.NewStore(client).WithReplicas(c.WaitReplicas).WithKeys(c.Keys)
	if c.Shards > 1 {
		records = records.WithShardedWakeUps()
	}
	q := &Queue{
		redis:     client,
		owned:     c.Client == nil,
		inspector: asynq.NewInspectorFromRedisClient(client),
		records:   records,
		numbers: inventory.New(client, inventory.AsLeased).
			WithReplicas(c.WaitReplicas).WithKeys(c.Keys),
		mailbox:            newMailbox(client),
		outcomes:           consumergroup.NewTail(client, record.Stream),
		keys:               c.Keys,
		now:                time.Now,
		recordingRetention: c.RecordingRetention,
		retention:          c.Retention,
		tracer:             tracing.New(c.TracerProvider),
	}
	q.dispatch = dispatch.New(dispatch.Config{
		Redis:   client,
		Records: records,
		Shards:  c.Shards,
		QueueOf: queueOf,
		Now:     func() time.Time { return q.now() },
	})
	return q, nil
}

func (c Config) withDefaults() Config {
	c.Shards = cmp.Or(c.Shards, 1)
	c.Retention = cmp.Or(c.Retention, defaultRetention)
	c.RecordingRetention = cmp.Or(c.RecordingRetention, defaultRecordingRetention)
	return c
}

// check returns the client, or everything that is wrong.
func (c Config) check() (redis.UniversalClient, error) { //nolint:ireturn // one server, or many
	problems := slices.Concat(
		setting.Shards.Check("Shards", c.Shards),
		setting.WaitReplicas.Check("WaitReplicas", c.WaitReplicas),
		setting.Keep.Check("Retention", c.Retention),
		setting.RecordingRetention.Check("RecordingRetention", c.RecordingRetention),
	)
	client, err := c.Client, error(nil)
	switch {
	case client == nil:
		client, err = c.Redis.Client()
	case c.Redis != RedisConfig{}:
		problems = append(problems, dypls.Problem{
			Field: "Client", Rule: "stands in place of Redis", Remedy: "give one of the two",
		})
	}
	if len(problems) > 0 {
		if err == nil && c.Client == nil {
			_ = client.Close()
		}
		err = errors.Join(err, &dypls.ValidationError{Problems: problems})
	}
	if err != nil {
		return nil, err
	}
	return client, nil
}
