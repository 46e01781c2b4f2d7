package callbacks

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// The fields of a delivery's record and of an endpoint's state that are read by themselves.
const (
	fieldRound       = "round"
	fieldDisabled    = "disabled"
	fieldProbe       = "probe"
	fieldRest        = "rest"
	fieldFails       = "fails"
	fieldDelivered   = "delivered"
	fieldLastSuccess = "last_success"
	fieldLastFailure = "last_failure"
	fieldLastStatus  = "last_status"
	fieldLastError   = "last_error"
)

// endpointState is what is known of an endpoint, for all senders.
type endpointState struct {
	disabled    time.Time
	probe, rest time.Time // when it is asked again
	fails       int       // in a row
	delivered   int64
	lastSuccess time.Time
	lastFailure time.Time
	lastStatus  int
	lastError   string
}

func (s store) state(ctx context.Context, endpoint string) (endpointState, error) {
	hash, err := s.redis.HGetAll(ctx, keysOf(endpoint).state()).Result()
	return stateOf(hash), err
}

func stateOf(hash map[string]string) endpointState {
	state := endpointState{
		disabled:    instant(hash[fieldDisabled]),
		probe:       instant(hash[fieldProbe]),
		rest:        instant(hash[fieldRest]),
		lastSuccess: instant(hash[fieldLastSuccess]),
		lastFailure: instant(hash[fieldLastFailure]),
		lastError:   hash[fieldLastError],
	}
	state.fails, _ = strconv.Atoi(hash[fieldFails])
	state.lastStatus, _ = strconv.Atoi(hash[fieldLastStatus])
	state.delivered, _ = strconv.ParseInt(hash[fieldDelivered], 10, 64)
	return state
}

// enable lets an endpoint be sent to again at once. It reports whether it is known.
func (s store) enable(ctx context.Context, endpoint string) (bool, error) {
	state := keysOf(endpoint).state()
	known, err := s.redis.HExists(ctx, endpointsKey, endpoint).Result()
	if err != nil || !known {
		return false, err
	}
	_, err = s.redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HDel(ctx, state, fieldDisabled, fieldProbe, fieldRest)
		p.HSet(ctx, state, fieldFails, 0)
		return nil
	})
	return err == nil, err
}

// drop drops all of an endpoint but its deliveries, whose time is over by then.
func (s store) drop(ctx context.Context, endpoint string) error {
	err := s.inspector.DeleteQueue(queueName(endpoint), true)
	if err != nil && !errors.Is(err, asynq.ErrQueueNotFound) {
		return err
	}
	k := keysOf(endpoint)
	err = s.redis.Del(
		ctx, k.state(), k.waiting(), k.failing(), k.queued(), k.sending(), k.resting(), k.dead(),
	).Err()
	if err != nil {
		return err
	}
	return s.redis.HDel(ctx, endpointsKey, endpoint).Err()
}

// forget drops what is no longer kept, and returns how much of it was never delivered.
func (s store) forget(ctx context.Context, endpoint string, now time.Time) (int64, error) {
	k := keysOf(endpoint)
	before := strconv.FormatInt(now.Add(-keepUndelivered).UnixMilli(), 10)
	var forgotten *redis.IntCmd
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		forgotten = p.ZRemRangeByScore(ctx, k.waiting(), "-inf", before)
		p.ZRemRangeByScore(ctx, k.failing(), "-inf", before)
		p.ZRemRangeByScore(ctx, k.resting(), "-inf", before)
		p.ZRemRangeByScore(ctx, k.dead(), "-inf", before)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return forgotten.Val(), nil
}
