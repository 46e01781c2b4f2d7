package record

import (
	"context"
	"fmt"
)

// Hold is why a task waits although nothing of it has failed. The zero value says nothing.
type Hold struct{ Code, Message string }

// HandBack takes back what Begin noted of a run from which nothing has left: no attempt, no call,
// no step of the task's history. What was in doubt stays so. Where hold says why the task waits,
// its record does. It may be repeated.
func (s Store) HandBack(
	ctx context.Context, id string, fence int64, hold Hold,
) (FinishVerdict, error) {
	text, err := handBackScript.Run(
		ctx, s.redis, []string{Key(id)}, fence, hold.Code, hold.Message,
	).Text()
	if err != nil {
		return "", fmt.Errorf("record: hand back: %w", err)
	}
	return FinishVerdict(text), nil
}
