package record

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Canceled and Doubtful are what Cancel finds beside the states of a record.
const (
	Canceled State = "canceled"
	Doubtful State = "doubtful" // an earlier call may have taken effect
)

// codeCanceled is what the script writes.
const codeCanceled = "dyplsq.Canceled"

// Cancel withdraws a task of which no call can have taken effect, and returns the state in which it
// found any other.
func (s Store) Cancel(ctx context.Context, id string, keep time.Duration) (State, error) {
	// One for days ahead would be looked at when the outcome is forgotten.
	if err := s.writeEntries(ctx, entry(moveEntry, id)); err != nil {
		return "", fmt.Errorf("record: cancel: %w", err)
	}
	found, err := cancelScript.Run(
		ctx, s.redis, []string{Key(id)}, id, s.channel(), keep.Milliseconds(),
	).Text()
	if err != nil {
		return "", fmt.Errorf("record: cancel: %w", err)
	}
	word, at, _ := strings.Cut(found, " ")
	if State(word) == Canceled {
		s.tell(ctx, Open{ID: id, State: Failed, Code: codeCanceled, Finished: parseMillis(at)})
	}
	return State(word), nil
}
