// Package tasks queues operations of the number-privacy service in Redis and collects what came of
// them. It is what an application imports; the work is done by dyplsq's workers.
//
//	queue, err := tasks.Open("redis://localhost:6379/0")
//	task, err := tasks.BindAXN.Enqueue(ctx, queue, request, tasks.TaskID("order-42"))
//	binding, err := task.Wait(ctx)
//
// A request is checked before it is queued, and every problem is reported at once, as a
// *dypls.ValidationError.
//
// The key given as [TaskID] makes Enqueue idempotent: the same request under the same key is the
// same task, also after it has finished; another request under that key is [ErrKeyReused]. Without
// a key, a task gets an id of its own.
//
// What came of a task is an [Outcome]. The typed forms, [Kind.Result] and [Kind.Wait], return what
// the operation itself would have returned when called: its response, or a *dypls.Error. Outcomes
// are kept for a day after the end, those of recordings until their link expires; an uncertain one,
// whose effect at the API cannot be told, until it is settled.
//
// A task can be withdrawn before its call leaves ([Queue.Cancel]). One that is uncertain is settled
// by a person, or by later evidence ([Queue.Resolve]). A service that collects everything follows
// the stream of outcomes ([Queue.Follow]).
//
// A waiting caller is woken by the outcome; nothing is polled. All waiters of a [Queue] share one
// subscription.
package tasks
