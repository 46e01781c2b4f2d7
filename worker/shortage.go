package worker

import (
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// sayShortage says that calls do not leave, now and then: each of them would be too much.
func (w *Worker) sayShortage(shortage *record.ShortageError) {
	last := w.saidShort.Load()
	if now := time.Now().UnixNano(); now-last > int64(sayEvery) && w.saidShort.CompareAndSwap(last, now) {
		w.log.Error().Err(shortage).Msg("calls do not leave: a failover of redis could forget them; tried again every few seconds, and no attempt is used up")
	}
}

// sayUnreplicated: the outcome stands, and nothing more can be done for it.
func (d *delivery) sayUnreplicated(shortage *record.ShortageError) {
	d.worker.log.Warn().Str("id", d.id).Str("action", d.kind.action).Err(shortage).
		Msg("the outcome is written, but a failover could forget it: too few replicas have it")
}
