package worker

import "time"

// Phase is how far a worker has come.
type Phase string

// The phases of a worker.
const (
	Starting   Phase = "starting" // it waits for Redis
	Performing Phase = "performing"
	Draining   Phase = "draining" // it takes no new tasks, and waits for calls that are out
)

// Status is how a worker stands, for health checks.
type Status struct {
	Phase Phase
	// Polled is when each queue was last asked for a task, and answered; the zero time for never. Where all slots of a queue
	// are taken it is not asked until one is free, which takes no longer than a call or a look. Empty with [Config.AsynqPlain].
	Polled map[string]time.Time
}

// Status tells how the worker stands. It asks nobody and may be called at any time.
func (w *Worker) Status() Status {
	status := Status{Phase: *w.phase.Load()}
	if !w.config.AsynqPlain {
		status.Polled = w.host.Polled()
	}
	return status
}
