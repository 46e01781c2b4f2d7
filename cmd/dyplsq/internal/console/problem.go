package console

import (
	"errors"
	"net/http"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// problem is an answer that is no page: its status, and the text that says why.
type problem struct {
	status int
	text   string // its key, which begins with "problem."
	detail string // what it is about: shown as it is, numbers masked
}

// Error implements [error].
func (p problem) Error() string { return p.text + " " + p.detail }

var (
	errNotFound error = problem{status: http.StatusNotFound, text: "problem.notfound"}
	errReadOnly error = problem{status: http.StatusForbidden, text: "problem.readonly"}
	errForm     error = problem{status: http.StatusForbidden, text: "problem.form"}
	errTwice    error = problem{status: http.StatusConflict, text: "problem.twice"}
	errBusy     error = problem{status: http.StatusServiceUnavailable, text: "problem.busy"}
	errLooked   error = problem{status: http.StatusBadRequest, text: "problem.looked"}
	errReason   error = problem{status: http.StatusBadRequest, text: "problem.reason"}
	errSlow     error = problem{status: http.StatusServiceUnavailable, text: "problem.slow"}
)

func lacking(role dashboard.Role) error {
	return problem{http.StatusForbidden, "problem.role", string(role)}
}

func badField(name string, err error) error {
	return problem{http.StatusBadRequest, "problem.field", name + ": " + err.Error()}
}

// problemOf tells what an error of the rooms below means to whoever asked.
func problemOf(err error) problem {
	if p, is := errors.AsType[problem](err); is {
		return p
	}
	if v, is := errors.AsType[*dypls.ValidationError](err); is {
		return problem{http.StatusBadRequest, "problem.field", v.Error()}
	}
	switch {
	case errors.Is(err, tasks.ErrUnknownTask):
		return problem{status: http.StatusNotFound, text: "problem.task"}
	case errors.Is(err, calls.ErrUnknownCall):
		return problem{status: http.StatusNotFound, text: "problem.call"}
	case errors.Is(err, tasks.ErrNotCancelable), errors.Is(err, tasks.ErrNotUncertain),
		errors.Is(err, tasks.ErrNotFailed):
		return problem{http.StatusConflict, "problem.moved", err.Error()}
	case errors.Is(err, audit.ErrNotWritten):
		return problem{http.StatusServiceUnavailable, "problem.audit", err.Error()}
	case errors.Is(err, calls.ErrRecordingKept), errors.Is(err, calls.ErrRecordingBusy):
		return problem{status: http.StatusConflict, text: "problem.recording"}
	case errors.Is(err, tasks.ErrUndecryptable):
		return problem{http.StatusServiceUnavailable, "problem.undecryptable", err.Error()}
	case errors.Is(err, tasks.ErrUnreachable):
		return problem{http.StatusServiceUnavailable, "problem.redis", err.Error()}
	}
	return problem{http.StatusInternalServerError, "problem.other", err.Error()}
}

// fail draws the page that says why there is no other.
func (c *Console) fail(w http.ResponseWriter, r *request, err error) {
	if r.Request.Context().Err() != nil && !errors.Is(err, errSlow) {
		return // who asked has gone
	}
	p := problemOf(err)
	if p.status >= http.StatusInternalServerError {
		c.Note(r.URL.Path, err)
		w.Header().Set("Retry-After", "2")
	}
	p.detail = dypls.Scrub(p.detail)
	c.draw(w, r, p.status, answer{page: "problem", data: p})
}

// Text and Detail are for the template.
func (p problem) Text() string   { return p.text }
func (p problem) Detail() string { return p.detail }
func (p problem) Status() int    { return p.status }
