package callbacks

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

const (
	pumpEvery = time.Second
	sayEvery  = 10 * time.Second
	// releasedAtOnce is how many deliveries that rest go on at once, when their endpoint is back.
	releasedAtOnce = 100
	// sweepEvery is how often it is looked whether asynq has what it should, which is so unless
	// somebody died in between, or deleted it there.
	sweepEvery   = 15 * time.Second
	overdueAfter = 30 * time.Second
)

// pump sees to it that every delivery goes on: those whose endpoint is back, those whose sender has
// died, and those that asynq has lost.
func (l *lane) pump(ctx context.Context) {
	every := max(l.scaled(pumpEvery), checkEvery)
	tick := time.NewTicker(every)
	defer tick.Stop()
	var said, swept time.Time
	for {
		err := l.pumpOnce(ctx)
		if err == nil && time.Since(swept) > sweepEvery {
			swept = time.Now()
			err = l.sweep(ctx)
		}
		if err != nil && ctx.Err() == nil && time.Since(said) > sayEvery {
			said = time.Now()
			l.log.Warn().Str("error", dypls.Scrub(err.Error())).Msg("callbacks not looked after; trying again")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// upTo are some of those that have a time in a sorted set, or an earlier one.
func upTo(at time.Time) *redis.ZRangeBy {
	return &redis.ZRangeBy{
		Min: "-inf", Max: strconv.FormatInt(at.UnixMilli(), 10), Count: releasedAtOnce,
	}
}

func (l *lane) pumpOnce(ctx context.Context) error {
	k, now := keysOf(l.name), l.now()
	lapsed, err := l.store.redis.ZRangeByScore(ctx, k.sending(), upTo(now)).Result()
	if err != nil {
		return err
	}
	n, err := l.mayGoOn(ctx, now)
	if err != nil {
		return err
	}
	var resting []string
	if n > 0 {
		if resting, err = l.store.redis.ZRange(ctx, k.resting(), 0, n-1).Result(); err != nil {
			return err
		}
	}
	for _, id := range append(lapsed, resting...) {
		if err := l.store.release(ctx, l.name, id, now); err != nil {
			return err
		}
	}
	return nil
}

// mayGoOn is how many of the deliveries that rest may go on now.
func (l *lane) mayGoOn(ctx context.Context, now time.Time) (int64, error) {
	state, err := l.store.state(ctx, l.name)
	switch {
	case err != nil || !state.disabled.IsZero() || now.Before(state.rest):
		return 0, err
	case state.fails < failuresToRest:
		return releasedAtOnce, nil
	case now.Before(state.probe):
		return 0, nil
	}
	return 1, nil
}

// sweep gives asynq what it should have, gives up what its endpoint was away for too long for, and
// forgets what is no longer kept.
func (l *lane) sweep(ctx context.Context) error {
	k, now := keysOf(l.name), l.now()
	overdue, err := l.store.redis.ZRangeByScore(ctx, k.queued(), upTo(now.Add(-overdueAfter))).Result()
	if err != nil {
		return err
	}
	for _, id := range overdue {
		if err := l.store.recover(ctx, l.name, id, now); err != nil {
			return err
		}
	}
	old, err := l.store.redis.ZRangeByScore(ctx, k.resting(), upTo(now.Add(-l.oldest))).Result()
	if err != nil {
		return err
	}
	state, err := l.store.state(ctx, l.name)
	if err != nil {
		return err
	}
	for _, id := range old {
		if !state.disabled.IsZero() {
			break // somebody has to enable it, and may
		}
		if err := l.giveUp(ctx, id, now); err != nil {
			return err
		}
	}
	forgotten, err := l.store.forget(ctx, l.name, now)
	if forgotten > 0 {
		l.log.Error().Int64("deliveries", forgotten).Msg("callbacks not delivered within 7 days; forgotten")
	}
	return err
}

// giveUp ends a delivery whose endpoint was away until it was too old.
func (l *lane) giveUp(ctx context.Context, id string, now time.Time) error {
	round, err := l.store.redis.HGet(ctx, keysOf(l.name).delivery(id), fieldRound).Result()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return err
	}
	const reason = "its endpoint was away for too long"
	e := end{
		result: "dead", err: reason, keep: keepUndelivered, first: l.scaled(firstProbe),
		last: l.scaled(lastProbe),
	}
	if _, _, err = l.store.settle(ctx, l.name, id, round, now, e); err == nil {
		l.tell(tracing.Span{}, id, Attempt{Error: reason}, admission{}, e, 0, false)
	}
	return err
}

// waitingStates are those of tasks that asynq will give out.
var waitingStates = []asynq.TaskState{
	asynq.TaskStatePending, asynq.TaskStateScheduled, asynq.TaskStateRetry,
}

// recover gives a delivery to asynq that should have been sent, unless asynq has it.
func (s store) recover(ctx context.Context, endpoint, id string, now time.Time) error {
	round, err := s.redis.HGet(ctx, keysOf(endpoint).delivery(id), fieldRound).Result()
	if errors.Is(err, redis.Nil) {
		return s.release(ctx, endpoint, id, now) // which takes it off the lists
	}
	if err != nil {
		return err
	}
	info, err := s.inspector.GetTaskInfo(queueName(endpoint), id+"."+round)
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound), errors.Is(err, asynq.ErrQueueNotFound):
	case err != nil:
		return err
	case slices.Contains(waitingStates, info.State):
		return nil
	}
	// one that is active, and yet not sent, was fetched by somebody who died
	return s.release(ctx, endpoint, id, now)
}
