package tasks

import (
	"context"
	"errors"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// Queue is where tasks are put and their outcomes found. It is safe for concurrent use; a program needs one.
type Queue struct {
	redis   redis.UniversalClient
	owned   bool
	asynq   *asynq.Client
	records record.Store
	mailbox *mailbox
	now     func() time.Time
}

// Open connects to the Redis at a URL: redis:// or rediss://, see [ParseRedisURL]. It does not wait for a connection.
func Open(redisURL string) (*Queue, error) {
	options, err := ParseRedisURL(redisURL)
	if err != nil {
		return nil, err
	}
	q := NewQueue(redis.NewClient(options))
	q.owned = true
	return q, nil
}

// NewQueue uses a client of the application's own, which it does not close. Make it from [ParseRedisURL]'s options:
// a client that sends commands again by itself, go-redis' default, can lose deliveries.
func NewQueue(client redis.UniversalClient) *Queue {
	return &Queue{
		redis: client, asynq: asynq.NewClientFromRedisClient(client), records: record.NewStore(client),
		mailbox: newMailbox(client), now: time.Now,
	}
}

// Ping reports whether Redis answers.
func (q *Queue) Ping(ctx context.Context) error {
	if err := q.redis.Ping(ctx).Err(); err != nil {
		return unreachable(err)
	}
	return nil
}

// Close ends the subscription, and the connections that Open made.
func (q *Queue) Close() error {
	err := q.mailbox.close()
	if q.owned {
		err = errors.Join(err, q.redis.Close())
	}
	return err
}
