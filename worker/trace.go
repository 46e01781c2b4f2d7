package worker

import (
	"context"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// Observer is told of what a worker does, for metrics. Its methods are called by many goroutines at
// once, on the way of each task: they must not block. What they are told holds no number and no id.
type Observer interface {
	// Attempted: an attempt has ended. The class of a success is empty; a code may be anything that an
	// API answered.
	Attempted(account, action string, class dypls.Class, code string)
	// Called: a call has ended, whatever came of it.
	Called(action string, took time.Duration)
	// Queued: a task was called for the first time, so long after it was due. Under load only a sample
	// is told.
	Queued(queue string, waited time.Duration)
	// Ended: a task has come to its end, and is succeeded, failed or uncertain.
	Ended(action, state string)
	// Waited: a call waited so long for its turn in the quota of all workers.
	Waited(action string, took time.Duration)
	// Surplus: a binding turned up that its task has no use for.
	Surplus(action string)
	// Forgot: Redis came back with less than it had.
	Forgot()
}

// unobserved is the observer where nobody observes.
type unobserved struct{}

func (unobserved) Attempted(string, string, dypls.Class, string) {}
func (unobserved) Called(string, time.Duration)                  {}
func (unobserved) Queued(string, time.Duration)                  {}
func (unobserved) Ended(string, string)                          {}
func (unobserved) Waited(string, time.Duration)                  {}
func (unobserved) Surplus(string)                                {}
func (unobserved) Forgot()                                       {}

// sampleEvery is how far apart the tasks are whose time in the queue is looked up.
const sampleEvery = 20 * time.Millisecond

// sampleWait tells how long a task was in its queue. The record knows, and asking it is a round
// trip more: it is made beside the task, and not for every one.
func (d *delivery) sampleWait(ctx context.Context, begun record.Begun, noted time.Time) {
	w := d.worker
	if _, nobody := w.config.Observer.(unobserved); nobody || begun.Call != 1 {
		return
	}
	last := w.sampled.Load()
	if noted.UnixNano()-last < int64(sampleEvery) ||
		!w.sampled.CompareAndSwap(last, noted.UnixNano()) {
		return
	}
	w.running.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		defer cancel()
		opened, err := w.records.Opened(ctx, d.id)
		if err != nil || opened[0].State == "" {
			return
		}
		due := opened[0].Enqueued
		if at := opened[0].ProcessAt; at.After(due) {
			due = at
		}
		w.config.Observer.Queued(d.queue, max(noted.Sub(due), 0))
	})
}

// observeEnd tells what became of a task, unless it goes on.
func (d *delivery) observeEnd(state record.State) {
	if state.Told() {
		d.worker.config.Observer.Ended(d.kind.action, string(state))
	}
}
