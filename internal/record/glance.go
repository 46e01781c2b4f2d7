package record

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/refusal"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// Glance is what a run that may not call yet has to know of its task.
type Glance struct {
	State    State     // "" where there is no such record
	Deadline time.Time // after which no call starts; the zero time for never
	InDoubt  bool      // an earlier call has to be looked for
	Request  []byte    // nil where it does not open
}

// Glance reads a little of a record, and changes nothing.
func (s Store) Glance(ctx context.Context, id string) (Glance, error) {
	values, err := s.redis.HMGet(
		ctx, Key(id), "state", "deadline", "doubt_at", requestField, "account",
	).Result()
	if err != nil {
		return Glance{}, fmt.Errorf("record: glance: %w", err)
	}
	r := fieldReader{values}
	// the run that begins tells why it does not
	request, _ := s.open(id, r.text(4), requestField, r.text(3))
	return Glance{
		State:    State(r.text(0)),
		Deadline: fromMillis(r.integer(1)),
		InDoubt:  r.text(2) != "",
		Request:  request,
	}, nil
}

// Over returns those of ids whose task has an outcome that its owner is told, or is recorded no
// longer, in one round trip, with those that Redis refuses to tell of until somebody mends a
// setting: whoever reads them is told so; and those that could not be read, such as all of a node
// of a cluster that is away.
func (s Store) Over(ctx context.Context, ids ...string) (over, unread []string) {
	states := make([]*redis.StringCmd, len(ids))
	_, _ = s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			states[i] = p.HGet(ctx, Key(id), "state")
		}
		return nil
	})
	for i, id := range ids {
		state, err := states[i].Result()
		switch {
		case errors.Is(err, redis.Nil):
			over = append(over, id)
		case err != nil:
			if refusal.Lasts(s.redis, err) {
				over = append(over, id)
			} else {
				unread = append(unread, id)
			}
		case State(state).Told():
			over = append(over, id)
		}
	}
	return over, unread
}

// Requested is what was asked for, as far as a record tells when its request is gone.
type Requested struct {
	Action      string // "" where there is no such record
	Fingerprint Fingerprint
	Origin      tracing.Origin // the span in which it was enqueued
}

// Requested reads what a task was asked for.
func (s Store) Requested(ctx context.Context, id string) (Requested, error) {
	values, err := s.redis.HMGet(
		ctx, Key(id), "action", "fingerprint", "traceparent", "tracestate",
	).Result()
	if err != nil {
		return Requested{}, fmt.Errorf("record: requested: %w", err)
	}
	r := fieldReader{values}
	return Requested{
		Action:      r.text(0),
		Fingerprint: Fingerprint(r.text(1)),
		Origin:      tracing.Origin{Parent: r.text(2), State: r.text(3)},
	}, nil
}
