package tasks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/announce"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
)

// QueueStats is how one queue stands.
type QueueStats struct {
	Queue     string `json:"queue"`
	Paused    bool   `json:"paused"`
	Pending   int64  `json:"pending"`   // due
	Active    int64  `json:"active"`    // being performed
	Scheduled int64  `json:"scheduled"` // to start later
	Retry     int64  `json:"retry"`     // to be tried again
	Archived  int64  `json:"archived"`  // failed and uncertain ones, the latest 9,999 of 90 days
	Processed int64  `json:"processed"` // deliveries today, by UTC
	Failed    int64  `json:"failed"`    // of these; each attempt that failed counts
	// LatencyMS is how long the next one has been due.
	LatencyMS int64 `json:"latency_ms"`
}

// Stats returns how every queue stands that tasks use or used on this Redis: bind, unbind, update
// and query, and their shards (bind.0, ...), as many as [Config] says, and those that others use;
// and those that callbacks went through, callback.NAME for an endpoint. Its errors are
// [ErrUnreachable] and ctx's.
func (q *Queue) Stats(ctx context.Context) ([]QueueStats, error) {
	names, err := dispatch.AllNames(ctx, q.redis, q.dispatch.Shards)
	if err != nil {
		return nil, q.failure(ctx, err)
	}
	infos := make([]QueueStats, len(names))
	for i, name := range names {
		if infos[i], err = q.info(ctx, name); err != nil {
			return nil, q.failure(ctx, err)
		}
	}
	return infos, nil
}

// info reads one queue's keys. asynq's own way to ask fails as a whole where one delivery's hash is
// gone.
func (q *Queue) info(ctx context.Context, name string) (QueueStats, error) {
	now := q.now().UTC()
	var pending, active *redis.IntCmd
	var sets [3]*redis.IntCmd
	var counts [2]*redis.StringCmd
	var paused *redis.IntCmd
	var oldest *redis.StringCmd
	_, err := q.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		pending, active = p.LLen(ctx, asynqwire.Queue(name).Key(asynqwire.Pending)), p.LLen(
			ctx,
			asynqwire.Queue(name).Key(asynqwire.Active),
		)
		for i, set := range []string{asynqwire.Scheduled, asynqwire.Retry, asynqwire.Archived} {
			sets[i] = p.ZCard(ctx, asynqwire.Queue(name).Key(set))
		}
		for i, count := range []string{asynqwire.Processed, asynqwire.Failed} {
			counts[i] = p.Get(ctx, asynqwire.Queue(name).Key(count+":"+now.Format(time.DateOnly)))
		}
		paused, oldest = p.Exists(ctx, asynqwire.Queue(name).Key(asynqwire.Paused)), p.LIndex(
			ctx,
			asynqwire.Queue(name).Key(asynqwire.Pending),
			-1,
		)
		return nil
	})
	if err = cmp.Or(oldest.Err(), err); err != nil &&
		!errors.Is(err, redis.Nil) { // Nil of one hides what ended the others
		return QueueStats{}, err
	}
	info := QueueStats{
		Queue: name, Paused: paused.Val() == 1, Pending: pending.Val(), Active: active.Val(),
		Scheduled: sets[0].Val(), Retry: sets[1].Val(), Archived: sets[2].Val(),
	}
	info.Processed, _ = counts[0].Int64()
	info.Failed, _ = counts[1].Int64()
	if oldest.Val() == "" {
		return info, nil
	}
	since, err := q.redis.HGet(ctx, asynqwire.Queue(name).Task(oldest.Val()), "pending_since").Int64()
	if _, answered := errors.AsType[redis.Error](err); err != nil && !answered {
		return QueueStats{}, err
	}
	if since > 0 { // nanoseconds, by the clock of whoever made it due
		info.LatencyMS = max(0, now.Sub(time.Unix(0, since)).Milliseconds())
	}
	return info, nil
}

// Pause keeps workers from fetching from a queue, and from all its shards that [Queue.Stats] has,
// until [Queue.Resume]; what they have fetched they perform. A shard's name pauses that shard, and
// callback.NAME keeps an endpoint from being told. To pause one that is paused changes nothing. Its
// errors are an unknown queue's, [ErrUnreachable] and ctx's.
func (q *Queue) Pause(ctx context.Context, queue string) error {
	return q.setPaused(ctx, queue, func(name string) error {
		return q.redis.SetNX(ctx, asynqwire.Queue(name).Key(asynqwire.Paused), q.now().Unix(), 0).Err()
	})
}

// Resume ends a pause. Where there is none it changes nothing.
func (q *Queue) Resume(ctx context.Context, queue string) error {
	return q.setPaused(ctx, queue, func(name string) error {
		var resumed *redis.IntCmd
		_, _ = q.redis.Pipelined(
			ctx,
			func(p redis.Pipeliner) error { // that it is not announced is no failure
				resumed = p.Del(ctx, asynqwire.Queue(name).Key(asynqwire.Paused))
				p.Do(ctx, announce.Command(q.redis, name, time.Time{})...)
				return nil
			},
		)
		return resumed.Err()
	})
}

// ErrUnknownQueue: neither tasks of this program nor callbacks go through a queue of this name.
var ErrUnknownQueue = errors.New("unknown queue")

func (q *Queue) setPaused(ctx context.Context, queue string, set func(name string) error) error {
	names, err := dispatch.AllNames(ctx, q.redis, q.dispatch.Shards)
	if err != nil {
		return q.failure(ctx, err)
	}
	if !slices.Contains(names, queue) {
		return fmt.Errorf(
			"%w %s: take one of %s",
			ErrUnknownQueue,
			cmp.Or(queue, `""`),
			strings.Join(names, ", "),
		)
	}
	for _, name := range dispatch.Among(names, queue) {
		if err := q.again(ctx, func() error { return set(name) }); err != nil {
			return err
		}
	}
	return nil
}
