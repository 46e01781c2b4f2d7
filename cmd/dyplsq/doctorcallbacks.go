package main

import (
	"context"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/callbacks"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// callbacksExamined is what doctor looks at callbacks with.
type callbacksExamined struct {
	queue   *tasks.Queue
	sender  *callbacks.Sender
	refused error // of the file
}

// callbacks asks for a sender that is never run.
func (c *doctorCommand) callbacks(store *calls.Store) (e callbacksExamined, err error) {
	endpoints, refused := c.endpoints()
	e.refused = refused
	if e.queue, err = c.queue(tasks.Config{}); err != nil {
		return e, err
	}
	e.sender, err = callbacks.New(callbacks.Config{
		Queue: e.queue, Calls: store, Redis: c.config(), Keys: c.sealing(), Endpoints: endpoints,
		Logger: zerolog.Nop(),
	})
	if err != nil {
		_ = e.queue.Close()
		return e, usage(err.Error())
	}
	return e, nil
}

func (e callbacksExamined) close() { _, _ = e.sender.Close(), e.queue.Close() }

func (e callbacksExamined) checks(flags callbacksFlags) doctor.Callbacks {
	checks := doctor.Callbacks{Refused: e.refused, Standing: e.standing}
	if flags.Callbacks != "" && flags.exposed() {
		checks.Exposed = flags.Callbacks
	}
	return checks
}

func (e callbacksExamined) standing(ctx context.Context) ([]doctor.CallbackEndpoint, error) {
	statuses, err := e.sender.Statuses(ctx)
	all := make([]doctor.CallbackEndpoint, len(statuses))
	for i, status := range statuses {
		all[i] = doctor.CallbackEndpoint{
			Name:      status.Endpoint,
			Disabled:  !status.DisabledAt.IsZero(),
			Pending:   status.Pending,
			Failing:   status.Failing,
			Dead:      status.Dead,
			Oldest:    status.Oldest,
			LastError: status.LastError,
		}
	}
	return all, err
}

// tokensCheck reads the tokens of the HTTP API as serve does.
func (f tokensFlag) tokensCheck() doctor.Tokens {
	if f.Tokens == "" {
		return doctor.Tokens{}
	}
	checks := doctor.Tokens{File: f.Tokens}
	tokens, err := f.tokens(zerolog.Nop())
	if checks.Refused = err; err == nil {
		checks.Count, checks.Exposed = tokens.Len(), tokens.Exposed()
	}
	return checks
}
