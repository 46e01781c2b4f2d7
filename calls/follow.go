package calls

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	followBatch = 16
	// offeredAgain is when what was refused, or given to a process that died, is offered again.
	offeredAgain = time.Minute
)

// Follow hands every call that has changed to handle, until ctx is done, at least once for each
// change that was told within the last 24 hours: those of all calls. The call is what its record
// says when it is handed over, so that of several changes the last may come several times.
//
// The processes of a group share the changes; each group gets all of them. A group that is new
// begins with the oldest that is kept. When handle returns nil the change is acknowledged; after an
// error, or where the process died, it is offered again after a minute.
//
// Errors: [tasks.ErrUnreachable] at the start, later it is waited out; and ctx's.
func (s *Store) Follow(
	ctx context.Context,
	groupName string,
	handle func(context.Context, Call) error,
) error {
	if groupName == "" {
		return errors.New("follow: group must not be empty: name the service")
	}
	g := &group{
		redis:  s.redis,
		stream: changeStream,
		name:   groupName,
		count:  followBatch,
		idle:   offeredAgain,
	}
	if err := g.join(ctx); err != nil {
		return failure(ctx, err)
	}
	g.handle = func(ctx context.Context, entries []redis.XMessage) error {
		return s.handOver(ctx, g, entries, handle)
	}
	return g.run(ctx)
}

func (s *Store) handOver(
	ctx context.Context,
	g *group,
	entries []redis.XMessage,
	handle func(context.Context, Call) error,
) error {
	kept := time.Now()
	for i, e := range entries {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(kept) > offeredAgain/3 { // the rest is still this process'
			ids := make([]string, 0, len(entries))
			for _, left := range entries[i:] {
				ids = append(ids, left.ID)
			}
			_ = s.redis.XClaimJustID(ctx, &redis.XClaimArgs{
				Stream: g.stream, Group: g.name, Consumer: consumer, Messages: ids,
			}).Err()
			kept = time.Now()
		}
		id, _ := e.Values[fieldCall].(string)
		c, err := s.Get(ctx, id)
		switch {
		case errors.Is(err, ErrUnknownCall): // its time is over
		case err != nil:
			return err
		default:
			if handle(ctx, c) != nil {
				continue
			}
		}
		const within = 3 * time.Second
		ackCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
		err = s.redis.XAck(ackCtx, g.stream, g.name, e.ID).Err()
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}
