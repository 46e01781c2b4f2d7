package calls

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	firstPause = 100 * time.Millisecond
	mostPause  = 2 * time.Second
	// block is how long one read waits for news: a read that waits does not end with its context.
	block = time.Second
)

// group reads a stream in a consumer group, of which every process is the same consumer: what one
// that has died was given is found by the time that it has been idle.
type group struct {
	redis        redis.UniversalClient
	stream, name string
	count        int64
	idle         time.Duration // after it what was given to somebody is given to another one
	eager        bool          // what is not finished is taken over at once at the start, and after an error
	handle       func(ctx context.Context, entries []redis.XMessage) error
	failed       func(err error, said time.Time) time.Time // tells of an error; may be nil
}

const consumer = "dyplsq"

// run hands entries over until ctx is done. An error of handle has what it did not acknowledge
// handed over again.
func (g *group) run(ctx context.Context) error {
	var said, claimAt time.Time
	idle := g.idle
	if g.eager {
		idle = 0
	}
	for pause := firstPause; ctx.Err() == nil; {
		err := g.round(ctx, idle, &claimAt)
		if err == nil {
			idle, pause = g.idle, firstPause
			continue
		}
		switch {
		case ctx.Err() != nil:
			continue
		case errors.Is(err, redis.ErrClosed):
			return tasks.RedisError(err)
		case strings.HasPrefix(err.Error(), "NOGROUP"):
			if err = g.join(ctx); err == nil {
				continue
			}
		}
		if g.failed != nil {
			said = g.failed(err, said)
		}
		claimAt = time.Time{}
		if g.eager {
			idle = 0
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, mostPause)
	}
	return ctx.Err()
}

// join makes the group, which begins with the oldest that is kept.
func (g *group) join(ctx context.Context) error {
	err := g.redis.XGroupCreateMkStream(ctx, g.stream, g.name, "0").Err()
	if err != nil && strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return nil
	}
	return err
}

func (g *group) round(ctx context.Context, idle time.Duration, claimAt *time.Time) error {
	if !time.Now().Before(*claimAt) {
		if err := g.takeOver(ctx, idle); err != nil {
			return err
		}
		const looks = 3 // within the time that something may be idle
		*claimAt = time.Now().Add(g.idle / looks)
	}
	streams, err := g.redis.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group:    g.name,
		Consumer: consumer,
		Streams:  []string{g.stream, ">"},
		Count:    g.count,
		Block:    block,
	}).Result()
	if errors.Is(err, redis.Nil) || err == nil && len(streams) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return g.handle(ctx, streams[0].Messages)
}

// takeOver hands over what was given to somebody so long ago, and is not acknowledged.
func (g *group) takeOver(ctx context.Context, idle time.Duration) error {
	for cursor := "0-0"; ; {
		entries, next, err := g.redis.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream:   g.stream,
			Group:    g.name,
			Consumer: consumer,
			MinIdle:  idle,
			Start:    cursor,
			Count:    g.count,
		}).Result()
		if err != nil {
			return err
		}
		if len(entries) > 0 {
			if err := g.handle(ctx, entries); err != nil {
				return err
			}
		}
		if cursor = next; next == "0-0" || next == "" {
			return nil
		}
	}
}
