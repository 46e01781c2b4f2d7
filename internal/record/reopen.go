package record

import (
	"context"
	"fmt"
)

// Reopen lets a task that failed run again, with all its attempts and its deadline, and notes who
// asked for it. It returns the state of the record: Queued where the task may run, else the one it
// was found in. The delivery is the caller's.
func (s Store) Reopen(ctx context.Context, id, by string) (State, error) {
	if err := s.writeEntries(ctx, entry(setEntry, id)); err != nil {
		return "", fmt.Errorf("record: reopen: %w", err)
	}
	found, err := reopenScript.Run(ctx, s.redis, []string{Key(id)}, s.who(by)).Text()
	if err != nil {
		return "", fmt.Errorf("record: reopen: %w", err)
	}
	return State(found), nil
}
