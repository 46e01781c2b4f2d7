package record

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// toldWithin is how long a task that is to run again waits until its outcome was told. Who was to
	// tell it may have died: the reaper finds the new entry then, and leaves it.
	toldWithin = tellWithin
	toldEvery  = 2 * time.Millisecond
)

// Reopen lets a task that failed run again, with all its attempts and its deadline, and notes who
// asked for it. It returns the state of the record: Queued where the task may run, else the one it
// was found in. The delivery is the caller's.
func (s Store) Reopen(ctx context.Context, id, by string) (State, error) {
	if err := s.awaitTold(ctx, id, Failed); err != nil {
		return "", fmt.Errorf("record: reopen: %w", err)
	}
	if err := s.writeEntries(ctx, entry(setEntry, id)); err != nil {
		return "", fmt.Errorf("record: reopen: %w", err)
	}
	found, err := reopenScript.Run(ctx, s.redis, []string{Key(id)}, s.who(by)).Text()
	if err != nil {
		return "", fmt.Errorf("record: reopen: %w", err)
	}
	return State(found), nil
}

// awaitTold waits until the outcome of a task in a state was told: whoever tells it takes the task
// out of the index, from which what runs again must not be missing.
func (s Store) awaitTold(ctx context.Context, id string, in State) error {
	state, err := s.redis.HGet(ctx, Key(id), "state").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	if State(state) != in {
		return nil
	}
	began := time.Now()
	for ; time.Since(began) < toldWithin && ctx.Err() == nil; pause(ctx, toldEvery) {
		err = s.redis.ZScore(ctx, indexKey(shardOf(id)), id).Err()
		switch {
		case errors.Is(err, redis.Nil):
			return nil
		case err != nil:
			return err
		}
	}
	return ctx.Err()
}
