package record

import (
	"context"
	"fmt"
)

// Rewrite gives the task of a run that is about to call the request which it could not have before,
// for this run and all later ones: what undoes another task is known only once that one has its
// outcome. It reports whether the run still has the task.
func (s Store) Rewrite(ctx context.Context, id string, fence int64, request []byte) (bool, error) {
	held, err := rewriteScript.Run(ctx, s.redis, []string{Key(id)}, fence, request).Bool()
	if err != nil {
		return false, fmt.Errorf("record: rewrite: %w", err)
	}
	return held, nil
}
