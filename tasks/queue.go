package tasks

import (
	"context"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/consumergroup"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// Queue is where tasks are put and their outcomes found. It is safe for concurrent use; a program
// needs one.
type Queue struct {
	redis     redis.UniversalClient
	owned     bool
	dispatch  *dispatch.Dispatcher
	inspector *asynq.Inspector
	records   record.Store
	numbers   *inventory.Inventory
	mailbox   *mailbox
	outcomes  *consumergroup.Tail // the stream of them
	keys      *Keys
	now       func() time.Time

	recordingRetention time.Duration
	retention          time.Duration
	tracer             tracing.Tracer
}

// Ping reports whether Redis answers.
func (q *Queue) Ping(ctx context.Context) error {
	if err := q.redis.Ping(ctx).Err(); err != nil {
		return q.unreachable(err)
	}
	return nil
}

// Close ends the subscription, and the client that the queue made. Whoever still waits, follows or
// asks is told [ErrClosed].
func (q *Queue) Close() error {
	q.mailbox.close()
	if q.owned {
		return q.redis.Close()
	}
	return nil
}

// closed reports whether Close was called, or the client below was closed.
func (q *Queue) closed() bool { return q.mailbox.ctx.Err() != nil }
