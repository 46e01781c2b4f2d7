// Package worker performs queued tasks against the API and decides what a failure means for the
// queue.
//
//	w, err := worker.New(worker.Config{Redis: tasks.RedisConfig{URL: url}, Caller: api, Logger: logger})
//	err = w.Run(ctx) // until ctx is done, then drains
//
// A delivery of a task goes this way: its record is told that a call is about to leave (begin), the
// call is made, once, and the record is told what came of it (finish); only then does the queue
// hear whether to deliver the task again. A second delivery of the same task finds out from the
// record that there is nothing left for it to do.
//
// A call that changes something is never cancelled once it may have left: not by a shutdown, not by
// the queue.
package worker
