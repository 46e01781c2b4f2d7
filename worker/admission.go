package worker

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/quota"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// retryAfter is an error of one that knows when a call may leave: the limiter, a breaker, and what is below.
type retryAfter interface {
	error

	RetryAfter() time.Duration
}

// heldError says that no call may leave soon.
type heldError struct {
	delay  time.Duration
	reason string
}

func (e *heldError) Error() string { return e.reason }

// RetryAfter implements retryAfter.
func (e *heldError) RetryAfter() time.Duration { return e.delay }

// orRedisAway says when to come back after an error that does not say it: it is one of Redis.
func orRedisAway(err error) error {
	if _, ok := errors.AsType[retryAfter](err); ok {
		return err
	}
	return &heldError{delay: redisAway, reason: "redis is out of reach"}
}

// admit waits until a call of this task may leave.
func (d *delivery) admit(ctx context.Context) error {
	t := d.account.traffic
	var pool string
	if t.limiter.LimitsPools() || t.breaker.HasPoolScope() {
		glance, err := d.worker.records.Glance(ctx, d.id)
		if err != nil {
			return &heldError{delay: redisAway, reason: "redis is out of reach"}
		}
		pool = poolOf(glance.Request)
	}
	var evict <-chan struct{}
	if c := d.worker.crowds[d.slots]; c != nil && d.ready != nil {
		var leave func()
		evict, leave = c.join(d.account, d.bucket())
		defer leave()
	}
	var err error
	d.permit, err = t.admit(ctx, evict, d.kind.action, pool, d.run)
	if throttled, ok := errors.AsType[*quota.ThrottledError](err); ok && throttled.Evicted {
		d.ready = nil // another has it
	}
	return err
}

// bucket is that of the task's own action.
func (d *delivery) bucket() *quota.Bucket { return d.account.traffic.limiter.Action(d.kind.action) }

func poolOf(request []byte) string {
	var named struct {
		PoolKey string `json:"PoolKey"`
	}
	_ = json.Unmarshal(request, &named) // what cannot be read is told by the call
	return named.PoolKey
}

// gaveUp is why a task goes back whose delivery asynq ended.
const gaveUp = "the queue gave the delivery up"

// hold leaves a task in the queue whose call may not leave yet. One whose time is over, that is settled already, or whose earlier
// call has to be looked for goes on: none of that takes a call of its own action.
func (d *delivery) hold(ctx context.Context, err error) error {
	if errors.Is(err, errDraining) {
		return later(0, err.Error())
	}
	held, ok := errors.AsType[retryAfter](err)
	if !ok { // the queue gave the delivery up
		return later(redisAway, gaveUp)
	}
	glance, err := d.worker.records.Glance(ctx, d.id)
	if err != nil {
		return later(redisAway, "redis is out of reach")
	}
	if isOver(glance.Deadline) || glance.InDoubt || glance.State != record.Queued && glance.State != record.Waiting {
		return d.proceed(ctx)
	}
	return later(notBeyond(glance.Deadline, held.RetryAfter()), held.Error())
}

// notBeyond shortens a delay, so that the owner of a task whose time is over is told without one.
func notBeyond(deadline time.Time, delay time.Duration) time.Duration {
	if deadline.IsZero() {
		return delay
	}
	return min(delay, time.Until(deadline)+time.Second)
}
