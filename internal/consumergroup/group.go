// Package consumergroup reads streams: shared among the consumers of a group, each entry at least
// once, or by a cursor, without a group.
package consumergroup

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// block is how long one read waits for news: a read that waits does not end with its context.
	block = time.Second
	// noBlock has a read return at once.
	noBlock = -1
	// ackWithin bounds an acknowledgement, which does not end with its context.
	ackWithin = 3 * time.Second
)

// Group is a consumer group of a stream, as one consumer of it sees it.
type Group struct {
	Redis                  redis.UniversalClient
	Stream, Name, Consumer string
	// Idle is when what a consumer was given and has not acknowledged goes to another one.
	Idle time.Duration
}

// Join makes the group where there is none. It begins with the oldest entry that is kept.
func (g Group) Join(ctx context.Context) error {
	err := g.Redis.XGroupCreateMkStream(ctx, g.Stream, g.Name, "0").Err()
	if redis.HasErrorPrefix(err, "BUSYGROUP") {
		return nil
	}
	return err
}

// MoveTo has the whole group go on with what was added at t or later.
func (g Group) MoveTo(ctx context.Context, t time.Time) error {
	start := strconv.FormatInt(max(t.UnixMilli()-1, 0), 10)
	return g.Redis.XGroupSetID(ctx, g.Stream, g.Name, start).Err()
}

// Take gives the consumer entries, without waiting for any: first those that another one was given
// so long ago, and then those that none was. A group that is not there, because it is new or Redis
// has lost it, is made.
func (g Group) Take(ctx context.Context, most int) ([]redis.XMessage, error) {
	entries, err := g.take(ctx, most)
	if isGone(err) {
		if err = g.Join(ctx); err == nil {
			entries, err = g.take(ctx, most)
		}
	}
	return entries, err
}

func isGone(err error) bool { return redis.HasErrorPrefix(err, "NOGROUP") }

func (g Group) take(ctx context.Context, most int) (taken []redis.XMessage, err error) {
	for from := First; from != "" && len(taken) < most; {
		var entries []redis.XMessage
		if entries, from, err = g.overdue(ctx, from, most-len(taken)); err != nil {
			return nil, err
		}
		taken = append(taken, entries...)
	}
	if len(taken) == most {
		return taken, nil
	}
	fresh, err := g.read(ctx, ">", most-len(taken), noBlock)
	if err != nil {
		return nil, err
	}
	return append(taken, fresh...), nil
}

// read returns entries after a cursor: ">" for those that no consumer of the group was given, and
// otherwise those of this consumer that are not acknowledged.
func (g Group) read(
	ctx context.Context, after string, most int, wait time.Duration,
) ([]redis.XMessage, error) {
	return messages(g.Redis.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group:    g.Name,
		Consumer: g.Consumer,
		Streams:  []string{g.Stream, after},
		Count:    int64(most),
		Block:    wait,
	}).Result())
}

// messages are the entries of a read of one stream.
func messages(streams []redis.XStream, err error) ([]redis.XMessage, error) {
	if errors.Is(err, redis.Nil) || err == nil && len(streams) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return streams[0].Messages, nil
}

// overdue takes over what consumers, this one or others, were given so long ago and have not
// acknowledged, from an entry on, and returns from where on there may be more, "" for nowhere. An
// entry that the stream does not keep any more has no values, or is left out.
func (g Group) overdue(
	ctx context.Context,
	from string,
	most int,
) (entries []redis.XMessage, next string, err error) {
	pending, err := g.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{
		Stream: g.Stream, Group: g.Name, Idle: g.Idle, Start: from, End: "+", Count: int64(most),
	}).Result()
	if err != nil || len(pending) == 0 {
		return nil, "", err
	}
	if len(pending) == most {
		next = behind(pending[most-1].ID)
	}
	ids := make([]string, len(pending))
	for i, p := range pending {
		ids[i] = p.ID
	}
	if ids, err = g.claim(ctx, g.Idle, ids).Result(); err != nil {
		return nil, "", err
	}
	// Apart from the claim, because Redis 6.2 answers a claim of an entry that is gone with a nil that
	// the client takes for the end.
	found := make([]*redis.XMessageSliceCmd, len(ids))
	_, err = g.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			found[i] = p.XRange(ctx, g.Stream, id, id)
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	entries = make([]redis.XMessage, len(ids))
	for i, id := range ids {
		entries[i].ID = id
		for _, entry := range found[i].Val() {
			entries[i] = entry
		}
	}
	return entries, next, nil
}

// claim has entries be this consumer's, from now on, that nobody was given more recently.
func (g Group) claim(ctx context.Context, idle time.Duration, ids []string) *redis.StringSliceCmd {
	return g.Redis.XClaimJustID(ctx, &redis.XClaimArgs{
		Stream: g.Stream, Group: g.Name, Consumer: g.Consumer, MinIdle: idle, Messages: ids,
	})
}

// Acknowledge takes entries off what is to be handed over again, also when ctx is over, and returns
// how many were on it.
func (g Group) Acknowledge(ctx context.Context, entries ...string) (int, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackWithin)
	defer cancel()
	n, err := g.Redis.XAck(ctx, g.Stream, g.Name, entries...).Result()
	return int(n), err
}
