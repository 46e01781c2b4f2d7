package record

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Stream holds the id and the state of every task that got its outcome, in that order and at least
// once, for those who collect everything. It never looks like a record's key, which begins with
// dypls:{ whatever the id.
const Stream = "dypls:outcomes"

// The fields of an entry.
const (
	StreamID    = "id"
	StreamState = "state"
)

// tell appends an outcome to the stream, and only then takes the task off the index. A failure is
// no failure of the step that settled the record: the reaper finds the entry and tells it again.
// Two round trips, because of a Redis that is out of memory, which refuses the first and would
// carry out the second.
func (s Store) tell(ctx context.Context, o Open) {
	if s.teller != nil {
		s.teller.add(o)
		return
	}
	_ = s.Wake(context.WithoutCancel(ctx), []Open{o})
	_ = s.tellAll(ctx, []Open{o})
}

// tellAll is tell for many: first the stream, then the index, and nothing else where that fails.
func (s Store) tellAll(ctx context.Context, told []Open) error {
	if err := s.Tell(ctx, told); err != nil {
		return err
	}
	var shards [indexShards][]any
	for _, o := range told {
		shard := shardOf(o.ID)
		shards[shard] = append(shards[shard], o.ID)
	}
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for shard, ids := range shards {
			if ids != nil {
				p.ZRem(ctx, indexKey(shard), ids...)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record: tell: %w", err)
	}
	return nil
}

// Tell appends outcomes to the stream, those that are held to the list of them, and enters all into
// the catalog.
func (s Store) Tell(ctx context.Context, told []Open) error {
	if len(told) == 0 {
		return nil
	}
	cluster, is := s.redis.(*redis.ClusterClient)
	safe := is && s.replicas > 0
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		endEntries(ctx, p, told)
		for _, o := range told {
			if safe {
				break
			}
			p.XAdd(ctx, toldAs(o.ID, o.State))
			if o.State == Uncertain {
				p.Eval(ctx, indexLua, []string{heldKey}, setEntry, o.ID, 0)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record: tell: %w", err)
	}
	if safe {
		return s.tellOnCluster(ctx, cluster, told)
	}
	return nil
}

func toldAs(id string, state State) *redis.XAddArgs {
	return &redis.XAddArgs{Stream: Stream, Values: []any{StreamID, id, StreamState, string(state)}}
}

// Trim forgets what was told longer ago than keep, give or take a node of the stream. It does so by
// Redis' clock, which wrote the entries: a process whose own clock is ahead would forget what
// nobody has read.
func (s Store) Trim(ctx context.Context, keep time.Duration) (int64, error) {
	now, err := s.redis.Time(ctx).Result()
	if err != nil {
		return 0, fmt.Errorf("record: trim: %w", err)
	}
	const noLimit = 0 // but Redis' own
	oldest := strconv.FormatInt(now.Add(-keep).UnixMilli(), 10)
	trimmed, err := s.redis.XTrimMinIDApprox(ctx, Stream, oldest, noLimit).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, fmt.Errorf("record: trim: %w", err)
	}
	return trimmed, nil
}
