package reaper

import (
	"context"
	"time"
)

const (
	// pruneFor bounds how long one sweep drops entries of the catalog. What it does not come to, the
	// next one does.
	pruneFor = time.Second
	// pruneEvery is how many sweeps there are for one that looks whether there is something to drop.
	pruneEvery = 4
)

// sweepCatalog drops what the catalog says of records that are gone. It rests like [sweepOpen].
func (r *Reaper) sweepCatalog(ctx context.Context) error {
	r.sweeps++
	if !r.pruneLeft && r.sweeps%pruneEvery != 1 {
		return nil
	}
	r.pruneLeft = true // until it is known that nothing is
	for started := time.Now(); ; {
		if err := r.renewLock(ctx); err != nil {
			return err
		}
		trip := time.Now()
		more, err := r.Records.Prune(ctx, &r.pruning, r.Keep())
		if err == nil && !more {
			r.pruneLeft = false
		}
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
