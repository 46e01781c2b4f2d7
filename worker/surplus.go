package worker

import (
	"context"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/reaper"
)

// compensate queues the removal of a surplus binding. The record keeps the request as well, for the case that this process
// ends before.
func (d *delivery) compensate(ctx context.Context, e record.Ending) {
	if _, err := reaper.Compensate(context.WithoutCancel(ctx), d.worker.queue, d.of, e.Surplus()); err != nil {
		d.worker.log.Error().Str("id", d.id).Str("subs_id", e.SubsID).Err(err).Msg("the surplus binding could not be queued for removal: unbind it")
	}
}
