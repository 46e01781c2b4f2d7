package worker

import (
	"context"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
)

// replace makes another delivery in the place of this one, which was left behind by an earlier task of the same key, of another
// action or account: with it the task would be called in the wrong way, or with the wrong credentials.
func (d *delivery) replace(ctx context.Context) error {
	d.worker.log.Warn().Str("id", d.id).Str("action", d.kind.action).Msg("a delivery of an earlier task of the same key: put away")
	if asynqwire.IDOfDelivery(d.taskID) != d.id {
		return nil
	}
	if _, err := d.worker.queue.Redeliver(ctx, d.id, asynqwire.NumberOfDelivery(d.taskID)); err != nil {
		return later(redisAway, "redis is out of reach")
	}
	return nil
}
