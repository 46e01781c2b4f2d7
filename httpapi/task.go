package httpapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// longestWait is how long a request may wait.
var longestWait = setting.Range[time.Duration]{Least: 0, Most: time.Minute, Remedy: "wait again"}

// task tells what is known of a task, and waits for its outcome where it is asked to.
func (a *API) task(e *exchange) error {
	q := e.query("wait")
	wait := q.duration("wait", longestWait)
	if err := e.begin(q); err != nil {
		return err
	}
	outcome, err := e.outcome()
	if err != nil {
		return err
	}
	if outcome.State == tasks.StatePending && wait > 0 {
		if outcome, err = e.await(wait); err != nil {
			return err
		}
	}
	return e.answer(http.StatusOK, e.shown(outcome))
}

// begin checks the query and the id, and has the request worked on.
func (e *exchange) begin(q *query) error {
	q.check(problemsOf(tasks.CheckID(e.id)))
	if err := q.err(); err != nil {
		return err
	}
	return e.work()
}

// outcome reads the outcome of the task that the path names.
func (e *exchange) outcome() (tasks.Outcome, error) {
	ctx, cancel := e.ask()
	defer cancel()
	return e.api.queue.Outcome(ctx, e.id)
}

// await waits for an outcome, until the time is over or the server drains.
func (e *exchange) await(wait time.Duration) (tasks.Outcome, error) {
	resume, err := e.wait(wait)
	if err != nil {
		return tasks.Outcome{}, err
	}
	ctx, cancel := e.whileServing(wait)
	outcome, err := e.api.queue.Wait(ctx, e.id)
	over := ctx.Err() != nil
	cancel()
	if resumed := resume(); resumed != nil {
		return outcome, resumed
	}
	if err != nil && over && e.r.Context().Err() == nil {
		return e.outcome()
	}
	return outcome, err
}

// whileServing is a context that also ends when the server drains.
func (e *exchange) whileServing(d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(e.r.Context(), d)
	stop := context.AfterFunc(e.api.serving, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// shown is an outcome as the token's owner may see it.
func (e *exchange) shown(o tasks.Outcome) tasks.Outcome {
	if e.token.has(ScopeNumbers) {
		return o
	}
	return o.Masked()
}

// cancel withdraws a task.
func (a *API) cancel(e *exchange) error {
	if err := e.begin(e.query()); err != nil {
		return err
	}
	ctx, stop := e.ask()
	defer stop()
	change := Change{Action: ChangeCancel, ID: e.id, Token: e.token.Name, By: e.token.Name}
	err := a.audit(ctx, change, func(ctx context.Context) error { return a.queue.Cancel(ctx, e.id) })
	if errors.Is(err, tasks.ErrNotCancelable) {
		return e.conflict(problem(tooLate))
	}
	if err != nil {
		return err
	}
	return e.tellOutcome()
}

// conflict tells in which state the task is.
func (e *exchange) conflict(p *Problem) error {
	outcome, err := e.outcome()
	if err != nil && !errors.Is(err, tasks.ErrUndecryptable) {
		return err
	}
	return p.inState(string(outcome.State))
}

func (e *exchange) tellOutcome() error {
	outcome, err := e.outcome()
	if err != nil {
		return err
	}
	return e.answer(http.StatusOK, e.shown(outcome))
}
