package record

import (
	"context"
	"fmt"
	"time"
)

// Glance is what a run that may not call yet has to know of its task.
type Glance struct {
	State    State     // "" where there is no such record
	Deadline time.Time // after which no call starts; the zero time for never
	InDoubt  bool      // an earlier call has to be looked for
	Request  []byte
}

// Glance reads a little of a record, and changes nothing.
func (s Store) Glance(ctx context.Context, id string) (Glance, error) {
	values, err := s.redis.HMGet(ctx, Key(id), "state", "deadline", "doubt_at", "request").Result()
	if err != nil {
		return Glance{}, fmt.Errorf("record: glance: %w", err)
	}
	r := fieldReader{values}
	return Glance{
		State: State(r.text(0)), Deadline: fromMillis(r.integer(1)), InDoubt: r.text(2) != "", Request: []byte(r.text(3)),
	}, nil
}
