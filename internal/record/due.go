package record

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Open is what the index and the reaper know of a record.
type Open struct {
	ID        string
	Action    string
	Account   string // "" for the worker's own
	State     State  // "" where there is no record
	Code      string // of the outcome, or of the latest attempt
	Delivery  int64
	Claim     time.Time // until when a run holds it, by Redis' clock; the zero time for none
	ProcessAt time.Time
	Enqueued  time.Time
	Finished  time.Time // the zero time where there is no outcome
	Missed    bool      // there was no record at the look before, either
}

// Due are entries of the index that it is time to look at.
type Due struct {
	Now  time.Time // Redis' clock
	Open []Open
	More bool // there are others
}

// Next is what becomes of an entry after a look: dropped, or looked at again. Missed keeps in mind
// that there was no record.
type Next struct {
	ID     string
	Drop   bool
	At     time.Time
	Missed bool
}

// Held reports whether a run holds the record, by a claim of Redis' present clock.
func (o Open) Held(now time.Time) bool {
	rest := o.Claim.Sub(now)
	return rest > 0 && rest <= LongestClaim
}

var openFields = []string{
	"action",
	"state",
	"delivery",
	"claim_until",
	"process_at",
	"enqueued_at",
	"account",
	"code",
	"finished_at",
}

// Opened reads records as the reaper sees them.
func (s Store) Opened(ctx context.Context, ids ...string) ([]Open, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	cmds := make([]*redis.SliceCmd, len(ids))
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			cmds[i] = p.HMGet(ctx, Key(id), openFields...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("record: read: %w", err)
	}
	opened := make([]Open, len(ids))
	for i, cmd := range cmds {
		v := fieldReader{cmd.Val()}
		opened[i] = Open{
			ID:        ids[i],
			Action:    v.text(0),
			Account:   v.text(6),
			State:     State(v.text(1)),
			Delivery:  v.delivery(2),
			Claim:     fromMillis(v.integer(3)),
			ProcessAt: fromMillis(v.integer(4)),
			Enqueued:  fromMillis(v.integer(5)),
			Code:      v.text(7),
			Finished:  fromMillis(v.integer(8)),
		}
		if !opened[i].State.Running() {
			opened[i].Claim = time.Time{} // of a run that is over
		}
	}
	return opened, nil
}

// Due finds what it is time to look at, at most so many of each shard, the longest due first.
func (s Store) Due(ctx context.Context, perShard int64) (Due, error) {
	now, err := s.redis.Time(ctx).Result()
	if err != nil {
		return Due{}, fmt.Errorf("record: due: %w", err)
	}
	due := Due{Now: now}
	shards := make([]*redis.ZSliceCmd, indexShards)
	_, err = s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for shard := range shards {
			shards[shard] = p.ZRangeByScoreWithScores(ctx, indexKey(shard),
				&redis.ZRangeBy{Min: "-inf", Max: strconv.FormatInt(now.UnixMilli(), 10), Count: perShard})
		}
		return nil
	})
	if err != nil {
		return Due{}, fmt.Errorf("record: due: %w", err)
	}
	var ids []string
	var missed []bool
	for _, shard := range shards {
		found := shard.Val()
		due.More = due.More || int64(len(found)) == perShard
		for _, z := range found {
			id, _ := z.Member.(string)
			ids, missed = append(ids, id), append(missed, isMissed(z.Score))
		}
	}
	if due.Open, err = s.Opened(ctx, ids...); err != nil {
		return Due{}, err
	}
	for i := range due.Open {
		due.Open[i].Missed = missed[i]
	}
	return due, nil
}

// Defer writes down when to look again, unless somebody else has moved the entry since. What stays
// is in the catalog from then on.
func (s Store) Defer(ctx context.Context, due Due, next []Next) error {
	var shards [indexShards][]any
	stay := map[string]bool{}
	for _, n := range next {
		stay[n.ID] = !n.Drop && !n.Missed
		shard := shardOf(n.ID)
		if shards[shard] == nil {
			shards[shard] = []any{due.Now.UnixMilli()}
		}
		shards[shard] = append(shards[shard], n.ID, n.score())
	}
	open := slices.DeleteFunc(slices.Clone(due.Open), func(o Open) bool { return !stay[o.ID] })
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		enterOpen(ctx, p, open)
		for shard, args := range shards {
			if args != nil {
				p.Eval(ctx, deferLua, []string{indexKey(shard)}, args...)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record: defer: %w", err)
	}
	return nil
}

// half marks the score of an entry that had no record when it was looked at: scores are whole
// milliseconds otherwise.
const half = ".5"

func (n Next) score() string {
	switch score := strconv.FormatInt(n.At.UnixMilli(), 10); {
	case n.Drop:
		return ""
	case n.Missed:
		return score + half
	default:
		return score
	}
}

func isMissed(score float64) bool {
	return strings.HasSuffix(strconv.FormatFloat(score, 'f', -1, 64), half)
}
