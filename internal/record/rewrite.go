package record

import (
	"context"
	"fmt"
)

// Rewrite gives the task of a run that is about to call the request which it could not have before,
// for this run and all later ones: what undoes another task is known only once that one has its
// outcome. account is the task's, as its record has it. It reports whether
// the run still has the task.
func (s Store) Rewrite(
	ctx context.Context, id, account string, fence int64, request []byte,
) (bool, error) {
	sealed := s.seal(id, account, requestField, request)
	held, err := rewriteScript.Run(ctx, s.redis, []string{Key(id)}, fence, sealed).Bool()
	if err != nil {
		return false, fmt.Errorf("record: rewrite: %w", err)
	}
	return held, nil
}
