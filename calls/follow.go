package calls

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/consumergroup"
)

const (
	followBatch = 16
	// offeredAgain is when what was refused, or given to a process that died, is offered again.
	offeredAgain = time.Minute
)

// consumer is what every process is in its group: what one that has died was given is found by the
// time that it has been idle.
const consumer = "dyplsq"

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
	reader := &consumergroup.Reader{
		Group: s.group(changeStream, groupName, offeredAgain), Count: followBatch,
	}
	reader.Handle = func(ctx context.Context, entries []redis.XMessage) error {
		return reader.Each(ctx, entries, func(i int) (taken bool, err error) {
			id, _ := entries[i].Values[fieldCall].(string)
			c, err := s.Get(ctx, id)
			if errors.Is(err, ErrUnknownCall) { // its time is over
				return true, nil
			}
			return err == nil && handle(ctx, c) == nil, err
		})
	}
	err := reader.Join(ctx)
	if err == nil {
		err = reader.Run(ctx)
	}
	return failure(ctx, err)
}

func (s *Store) group(stream, name string, idle time.Duration) consumergroup.Group {
	return consumergroup.Group{
		Redis: s.redis, Stream: stream, Name: name, Consumer: consumer, Idle: idle,
	}
}
