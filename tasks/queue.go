package tasks

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

// Queue is where tasks are put and their outcomes found. It is safe for concurrent use; a program needs one.
type Queue struct {
	redis     redis.UniversalClient
	owned     bool
	asynq     *asynq.Client
	scripts   map[string]*asynqScript // of asynq, by SHA-1: what makes deliveries
	named     sync.Map                // queues that asynq's set has by us
	inspector *asynq.Inspector
	records   record.Store
	numbers   *inventory.Inventory
	mailbox   *mailbox
	now       func() time.Time

	shards int
	spread spread
	names  nameList

	recordingRetention time.Duration
	keep               time.Duration
	waitReplicas       int
	invalid            error // what is wrong with the options: nothing is written under them
}

// keepSettled is how long the outcome of a task that is settled or withdrawn by hand is kept.
const keepSettled = 24 * time.Hour

// QueueOption changes a default of a [Queue].
type QueueOption func(*Queue)

// RecordingRetention is how long after its call a recording is asked for: 30 days by default, as the API keeps them
// (14 days by its document of 2018). At least a minute, at most ten years.
func RecordingRetention(d time.Duration) QueueOption {
	return func(q *Queue) { q.recordingRetention = d }
}

// Open connects to the Redis at a URL, see [RedisConfig], which also has clusters and certificates. It does not wait for a connection.
func Open(redisURL string, options ...QueueOption) (*Queue, error) {
	client, err := RedisConfig{URL: redisURL}.Client()
	if err != nil {
		return nil, err
	}
	q := NewQueue(client, options...)
	q.owned = true
	if q.invalid != nil {
		_ = q.Close()
		return nil, q.invalid
	}
	return q, nil
}

// Keep is how long the outcome of a task that is canceled or resolved is kept: 24 hours by default, as a worker keeps the others. At least
// a minute: with its record a key loses its protection, and the request may be made again under it.
func Keep(d time.Duration) QueueOption {
	return func(q *Queue) { q.keep = d }
}

// WaitReplicas is how many replicas of Redis have to hold a task before it counts as enqueued, so that a failover cannot
// forget it: none by default. They are waited for half a second at most, see [ErrUnreplicated].
// On a Redis Cluster they are those of the node that owns the task's slot.
func WaitReplicas(n int) QueueOption {
	return func(q *Queue) { q.waitReplicas = n }
}

// NewQueue uses a client of the application's own, which it does not close. Make it with [RedisConfig]:
// a client that sends commands again by itself, go-redis' default, can lose deliveries. Where an option is out of its bounds, the queue
// writes nothing: Enqueue, Cancel and Resolve say what is wrong.
func NewQueue(client redis.UniversalClient, options ...QueueOption) *Queue {
	q := &Queue{
		redis: client, asynq: asynq.NewClientFromRedisClient(client), scripts: asynqScripts(),
		inspector: asynq.NewInspectorFromRedisClient(client), records: record.NewStore(client), numbers: inventory.New(client, inventory.AsLeased),
		mailbox: newMailbox(client), now: time.Now, shards: 1, recordingRetention: defaultRecordingRetention, keep: keepSettled,
	}
	for _, set := range options {
		set(q)
	}
	q.invalid = q.check()
	q.records, q.numbers = q.records.WithReplicas(q.waitReplicas), q.numbers.WithReplicas(q.waitReplicas)
	if q.shards > 1 {
		q.records = q.records.WithShardedWakeUps()
	}
	return q
}

// check returns everything that is wrong with the options.
func (q *Queue) check() error {
	return join(nil, slices.Concat(
		setting.Keep.Check("Keep", q.keep), setting.RecordingRetention.Check("RecordingRetention", q.recordingRetention),
		setting.WaitReplicas.Check("WaitReplicas", q.waitReplicas), setting.Shards.Check("Shards", q.shards),
	))
}

// Ping reports whether Redis answers.
func (q *Queue) Ping(ctx context.Context) error {
	if err := q.redis.Ping(ctx).Err(); err != nil {
		return q.unreachable(err)
	}
	return nil
}

// Close ends the subscription, and the connections that Open made. Whoever still waits, follows or asks is told [ErrClosed].
func (q *Queue) Close() error {
	q.mailbox.close()
	if q.owned {
		return q.redis.Close()
	}
	return nil
}

// closed reports whether Close was called, or the client below was closed.
func (q *Queue) closed() bool { return q.mailbox.ctx.Err() != nil }
