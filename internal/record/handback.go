package record

import (
	"context"
	"fmt"
)

// HandBack takes back what Begin noted of a run from which nothing has left: no attempt, no call,
// no step of the task's history. What was in doubt stays so. It may be repeated.
func (s Store) HandBack(ctx context.Context, id string, fence int64) (FinishVerdict, error) {
	text, err := handBackScript.Run(ctx, s.redis, []string{Key(id)}, fence).Text()
	if err != nil {
		return "", fmt.Errorf("record: hand back: %w", err)
	}
	return FinishVerdict(text), nil
}
