package record

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// State is where a task stands.
type State string

// The states. The last three are told to the task's owner.
const (
	Queued    State = "queued"
	Calling   State = "calling"
	Looking   State = "looking" // whether an earlier call took effect
	Waiting   State = "waiting"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Uncertain State = "uncertain"
)

// Running reports whether a run holds the task, until its claim lapses.
func (s State) Running() bool { return s == Calling || s == Looking }

// Told reports whether the owner is told this state: there is an outcome.
func (s State) Told() bool { return s == Succeeded || s == Failed || s == Uncertain }

// Record is a task as it stands.
type Record struct {
	ID         string
	Action     string
	Account    string // "" for the worker's own
	State      State
	Attempts   int
	Calls      int
	Code       string // of the outcome, or of the latest attempt
	Message    string
	Class      string
	RequestID  string
	Request    []byte // JSON; gone after a success
	Result     []byte // JSON
	EnqueuedAt time.Time
	FinishedAt time.Time
	ExpiresAt  time.Time // of the result
	Undoing    string    // JSON; see New
	Undoes     string
	Callback   string
	Origin     tracing.Origin // the span in which it was enqueued
	// Undecryptable is why request or result do not open, which are empty then: a
	// *[seal.MissingKeyError] or a *[seal.TamperedError]. It is nil where they do.
	Undecryptable error
}

var recordFields = []string{
	"action", "state", "attempts", "calls", "code", "message", "class", "request_id",
	"request", "result", "enqueued_at", "finished_at", "expires_at", "undoing", "undoes", "account",
	"callback", "traceparent", "tracestate",
}

// Read returns records in one round trip, in the order of ids. One that does not exist has no
// State.
func (s Store) Read(ctx context.Context, ids ...string) ([]Record, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	cmds := make([]*redis.SliceCmd, len(ids))
	_, err := s.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			cmds[i] = p.HMGet(ctx, Key(id), recordFields...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("record: read: %w", err)
	}
	records := make([]Record, len(ids))
	for i, cmd := range cmds {
		records[i] = s.readRecord(ids[i], cmd.Val())
	}
	return records, nil
}

func (s Store) readRecord(id string, values []any) Record {
	r := fieldReader{values}
	request, requestErr := s.open(id, r.text(15), requestField, r.text(8))
	result, resultErr := s.open(id, r.text(15), resultField, r.text(9))
	return Record{
		ID:         id,
		Action:     r.text(0),
		Account:    r.text(15),
		State:      State(r.text(1)),
		Attempts:   int(r.integer(2)),
		Calls:      int(r.integer(3)),
		Code:       r.text(4),
		Message:    r.text(5),
		Class:      r.text(6),
		RequestID:  r.text(7),
		Request:    request,
		Result:     result,
		EnqueuedAt: fromMillis(r.integer(10)),
		FinishedAt: fromMillis(r.integer(11)),
		ExpiresAt:  fromMillis(r.integer(12)),
		Undoing:    r.text(13),
		Undoes:     r.text(14),
		Callback:   r.text(16),
		Origin:     tracing.Origin{Parent: r.text(17), State: r.text(18)},

		Undecryptable: cmp.Or(requestErr, resultErr),
	}
}
