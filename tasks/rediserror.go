package tasks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redisdial"
	"github.com/seed-5c07c2e9/dyplsq/internal/refusal"
)

// RefusedError is that Redis answers and does not do what it is asked. It says what is wrong and
// what to do, and nothing of what was asked. As with [ErrUnreachable], a part of what was to be
// done may have been.
type RefusedError struct {
	Code    string // Redis' own word for it, such as READONLY
	Lasting bool   // no waiting mends it: somebody has to change a setting
	Advice  string // what is wrong, and what to do

	cause error
}

func (e *RefusedError) Error() string { return ErrRefused.Error() + ": " + e.Advice }

// Is makes errors.Is(err, ErrRefused) true, and errors.Is(err, ErrUnreachable): what is known of a
// task is the same.
func (*RefusedError) Is(target error) bool {
	return target == ErrRefused || target == ErrUnreachable
}

func (e *RefusedError) Unwrap() error { return e.cause }

// RedisError tells what an error of a Redis client means, as the errors of a [Queue] do: it matches
// [ErrRefused], [ErrClosed] or [ErrUnreachable].
func RedisError(err error) error {
	if err == nil {
		return nil
	}
	return unreachable(err)
}

// failure tells the caller's own patience from a Redis that is out of reach. A connection gives up
// a moment before its context does.
func (q *Queue) failure(ctx context.Context, err error) error {
	const moment = 10 * time.Millisecond
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if deadline, ok := ctx.Deadline(); ok && errors.Is(err, os.ErrDeadlineExceeded) &&
		time.Until(deadline) < moment {
		return context.DeadlineExceeded
	}
	return q.unreachable(err)
}

// unreachable tells a queue that was closed meanwhile from a Redis that is out of reach: what is on
// its way then loses its connection, each time in another way. What Redis has answered stays told.
func (q *Queue) unreachable(err error) error {
	told := unreachable(err)
	if !q.closed() || errors.Is(told, ErrClosed) || errors.Is(told, ErrRefused) ||
		errors.Is(told, ErrUnreplicated) {
		return told
	}
	return fmt.Errorf("%w: %w", ErrClosed, err)
}

// unreplicatedError is a shortage of replicas. To whoever knows [ErrUnreachable] alone it is one:
// what to do is the same.
type unreplicatedError struct{ shortage *record.ShortageError }

func (e unreplicatedError) Error() string {
	return fmt.Sprintf(
		"%v: %v: a failover could forget it; enqueue it again under the same key, which is safe and doubles nothing",
		ErrUnreplicated,
		e.shortage,
	)
}

// Is makes errors.Is(err, ErrUnreplicated) true.
func (unreplicatedError) Is(target error) bool {
	return target == ErrUnreplicated || target == ErrUnreachable
}

func unreachable(err error) error {
	if shortage, ok := errors.AsType[*record.ShortageError](err); ok {
		return unreplicatedError{shortage}
	}
	if errors.Is(err, ErrUnreachable) || errors.Is(err, ErrClosed) { // it is told already
		return err
	}
	if errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	if refused, is := refusal.Of(err); is {
		return &RefusedError{
			Code:    refused.Code,
			Lasting: refused.Lasting,
			Advice:  refused.Error(),
			cause:   err,
		}
	}
	if mismatch, is := errors.AsType[*redisdial.MismatchError](err); is { // of each Sentinel, maybe
		err = mismatch
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, refusal.Cause(err))
}
