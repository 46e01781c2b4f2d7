package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// exchange is one request and its answer. It is the http.ResponseWriter that handlers are given.
type exchange struct {
	http.ResponseWriter

	api   *API
	r     *http.Request
	route string // as the table of routes writes it
	id    string // of the task that the path names
	token Token
	span  tracing.Span
	err   error

	slot   bool // it is one of those that are worked on
	status int
	bytes  int64
}

// of is the exchange that a handler is given.
func of(w http.ResponseWriter) *exchange {
	e, is := w.(*exchange)
	if !is {
		panic("httpapi: a handler was called by somebody else")
	}
	return e
}

// Unwrap lets http.ResponseController reach the server's own writer.
func (e *exchange) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (e *exchange) WriteHeader(status int) {
	if e.status == 0 {
		e.status = status
	}
	e.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (e *exchange) Write(p []byte) (int, error) {
	if e.status == 0 {
		e.status = http.StatusOK
	}
	n, err := e.ResponseWriter.Write(p)
	e.bytes += int64(n)
	return n, err
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	e := &exchange{ResponseWriter: w, api: a, r: r}
	header := e.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	defer func() {
		if value := recover(); value != nil {
			a.sayPanic(value)
			e.err = problem(internal)
		}
		e.end()
		a.done(e, time.Since(began))
	}()
	if e.err = a.enter(e); e.err != nil {
		return
	}
	a.routes.ServeHTTP(e, r)
}

// enter lets a request in, and gives it a slot.
func (a *API) enter(e *exchange) error {
	if a.admit != nil {
		switch a.admit(e.r) {
		case 0:
		case http.StatusMisdirectedRequest:
			return problem(misdirected)
		default:
			return problem(notThroughProxy)
		}
	}
	if !isClean(e.r.URL.EscapedPath()) {
		return problem(notFound)
	}
	return nil
}

// end writes the problem, where there is one, and gives the slot back.
func (e *exchange) end() {
	e.leave()
	if e.err == nil {
		return
	}
	p, known := errors.AsType[*Problem](e.err)
	switch {
	case e.status != 0: // the answer has begun
	case !known && e.r.Context().Err() != nil:
		e.status = StatusClientGone
	case known:
		e.fail(p)
	default:
		e.fail(e.api.problemOf(e.err))
	}
}

// fail answers with a problem.
func (e *exchange) fail(p *Problem) {
	header := e.Header()
	if p.challenge != "" {
		header.Set("WWW-Authenticate", p.challenge)
	}
	if p.allow != "" {
		header.Set("Allow", p.allow)
	}
	if p.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if p.Status == http.StatusRequestTimeout || p.Status == http.StatusRequestEntityTooLarge {
		header.Set("Connection", "close") // what is left of the body is not read
	}
	e.write(p.Status, "application/problem+json", p)
}

// answer answers with a JSON value.
func (e *exchange) answer(status int, value any) error {
	e.write(status, "application/json", value)
	return nil
}

func (e *exchange) write(status int, contentType string, value any) {
	body, err := encode(value)
	if err != nil {
		e.api.log.Error().Str("error", dypls.Scrub(err.Error())).Msg("answer not encoded")
		status, body = http.StatusInternalServerError, []byte("{}\n")
	}
	e.send(status, contentType, body)
}

// send answers with a body.
func (e *exchange) send(status int, contentType string, body []byte) {
	header := e.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	e.WriteHeader(status)
	if e.r.Method != http.MethodHead {
		_, _ = e.Write(body)
	}
}

// encode is json.Marshal without its precautions for web pages, which would garble links, and with
// a line's end.
func encode(value any) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return body.Bytes(), err
}

const (
	// asked bounds how long Redis is asked for one request.
	asked = 2 * time.Second
	// batchShare is how many times as long it is asked for a batch, which takes some round trips.
	batchShare = 3
)

// ask is the context in which Redis is asked.
func (e *exchange) ask() (context.Context, context.CancelFunc) { return e.askFor(e.api.asked) }

func (e *exchange) askFor(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(e.r.Context(), d)
}

// done tells of a request that is over, without anything that a client wrote into it.
func (a *API) done(e *exchange, took time.Duration) {
	done := Request{
		Token:  e.token.Name,
		Method: "other",
		Route:  e.route,
		Status: e.status,
		Took:   took,
		Bytes:  e.bytes,
	}
	if slices.Contains(usualMethods, e.r.Method) {
		done.Method = e.r.Method
	}
	e.endSpan()
	a.log.Info().
		Fields(e.span.LogFields()).
		Str("token", done.Token).
		Str("method", done.Method).
		Str("route", done.Route).
		Int("status", done.Status).
		Dur("took_ms", done.Took).
		Int64("bytes", done.Bytes).
		Msg("request")
	if a.trace.RequestDone != nil {
		a.trace.RequestDone(done)
	}
}

var usualMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodOptions,
}

// sayPanic logs a mistake of the program's. One that net/http uses to cut a connection is none.
func (a *API) sayPanic(value any) {
	a.log.Error().
		Str("error", dypls.Scrub(fmt.Sprint(value))).
		Bytes("stack", debug.Stack()).
		Msg("request panicked")
}
