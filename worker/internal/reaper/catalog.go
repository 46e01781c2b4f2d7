package reaper

import (
	"context"
	"time"
)

// pruneFor bounds how long one sweep drops entries of the catalog. What it does not come to, the
// next one does.
const pruneFor = time.Second

// sweepCatalog drops what the catalog says of records that are gone. It rests like [sweepOpen].
func (r *Reaper) sweepCatalog(ctx context.Context) error {
	for started := time.Now(); ; {
		if err := r.renewLock(ctx); err != nil {
			return err
		}
		trip := time.Now()
		more, err := r.Records.Prune(ctx, &r.pruning, r.Keep())
		if err != nil || !more || time.Since(started) > pruneFor {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(restPerWork * time.Since(trip)):
		}
	}
}
