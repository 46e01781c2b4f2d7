package worker

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// undo queues the removal of a surplus binding, for the worker that found it may have died before. Under the same key as
// there: what is queued already is not queued again.
func (r *reaper) undo(ctx context.Context, b record.SurplusBinding) error {
	var undo dypls.UnbindSubscriptionRequest
	err := json.Unmarshal(b.Undo, &undo)
	if err == nil {
		_, err = tasks.UnbindSubscription.Enqueue(ctx, r.queue, undo, surplusOptions(b.Account, undo.SubsID)...)
	}
	if errors.Is(err, tasks.ErrUnreachable) || errors.Is(err, tasks.ErrClosed) || ctx.Err() != nil {
		return err
	}
	if err != nil && !errors.Is(err, tasks.ErrKeyReused) { // it will be no better the next time
		r.log.Error().Str("id", b.ID).Str("subs_id", undo.SubsID).Err(err).Msg("the surplus binding could not be queued for removal: unbind it")
	} else {
		r.repaired(b.ID, "a surplus binding is queued for removal")
	}
	return r.records.Undone(ctx, b)
}
