package httpapi

import (
	"errors"
	"net/http"

	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// readiness is the answer of /readyz, as workers and receivers give it. It needs no token, as
// /healthz, and says nothing of tasks.
type readiness struct {
	Ready  bool             `json:"ready"`
	Checks map[string]check `json:"checks"`
}

type check struct {
	OK   bool   `json:"ok"`
	Says string `json:"says"`
}

// alive says that the process answers. It asks nobody else.
func (*API) alive(e *exchange) error {
	return e.answer(http.StatusOK, map[string]bool{"alive": true})
}

// ready says whether a task could be enqueued.
func (a *API) ready(e *exchange) error {
	ctx, cancel := e.ask()
	defer cancel()
	err := a.queue.Ping(ctx)
	redis := check{err == nil, "answers"}
	switch {
	case errors.Is(err, tasks.ErrRefused):
		redis.Says = "refuses"
	case err != nil:
		redis.Says = "no answer within " + asked.String()
	}
	serving := check{a.serving.Err() == nil, "serving"}
	if !serving.OK {
		serving.Says = "drains"
	}
	answer := readiness{redis.OK && serving.OK, map[string]check{"redis": redis, "phase": serving}}
	if !answer.Ready {
		return e.answer(http.StatusServiceUnavailable, answer)
	}
	return e.answer(http.StatusOK, answer)
}
