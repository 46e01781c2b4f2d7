package tasks

import "context"

// Task is a task that [Kind.Enqueue] has put into a queue. It holds nothing but the id: whoever has
// that, in another program or after a restart, asks the same by [Kind.Wait], [Kind.Result] and
// [Queue.Cancel].
type Task[Res any] struct {
	// ID is the key given as [TaskID], or a new UUIDv7.
	ID string

	queue  *Queue
	action string
}

// Wait waits until ctx is done for the task's outcome, and returns it as Result does.
func (t Task[Res]) Wait(ctx context.Context) (Res, error) {
	outcome, err := t.queue.Wait(ctx, t.ID)
	return read[Res](t.action, outcome, err)
}

// Result returns what came of the task, without waiting: its response, or a *dypls.Error. Other
// errors: [ErrPending], [ErrUnknownTask], [ErrUnreachable], or ctx's.
func (t Task[Res]) Result(ctx context.Context) (Res, error) {
	outcome, err := t.queue.Outcome(ctx, t.ID)
	return read[Res](t.action, outcome, err)
}

// Cancel withdraws the task before its call leaves, as [Queue.Cancel] does.
func (t Task[Res]) Cancel(ctx context.Context) error { return t.queue.Cancel(ctx, t.ID) }
