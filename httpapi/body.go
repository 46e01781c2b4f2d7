package httpapi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxBody      = 1 << 20 // bytes
	maxBatchBody = 8 << 20 // bytes
	bodyWithin   = 10 * time.Second
)

// body reads the body of a request.
func (e *exchange) body(most int64) ([]byte, error) {
	if err := checkMedia(e.r.Header); err != nil {
		return nil, err
	}
	if e.r.ContentLength > most {
		return nil, problem(tooLarge)
	}
	control := http.NewResponseController(e.ResponseWriter)
	_ = control.SetReadDeadline(time.Now().Add(e.api.bodyWithin)) // where the server can
	body, err := io.ReadAll(http.MaxBytesReader(e.ResponseWriter, e.r.Body, most))
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		return nil, problem(tooLarge)
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, problem(requestTimeout)
	case err != nil:
		return nil, problem(badRequest)
	case !utf8.Valid(body):
		return nil, problem(invalid, FieldError{
			Rule: "the body must be UTF-8 text", Remedy: "encode it as UTF-8, as JSON must be",
		})
	}
	_ = control.SetReadDeadline(time.Time{})
	return body, nil
}

// posted checks the query, has the request worked on, and reads its body.
func (e *exchange) posted(q *query, most int64) ([]byte, error) {
	if err := q.err(); err != nil {
		return nil, err
	}
	if err := e.work(); err != nil {
		return nil, err
	}
	return e.body(most)
}

// checkMedia refuses what is not said to be JSON: a form of another site's page is sent by a
// browser without asking, JSON is not.
func checkMedia(header http.Header) error {
	media, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	charset := strings.ToLower(parameters["charset"])
	encoding := header.Values("Content-Encoding")
	switch {
	case err != nil, media != "application/json", len(header.Values("Content-Type")) != 1:
	case charset != "" && charset != "utf-8" && charset != "utf8":
	case len(encoding) > 1 || len(encoding) == 1 && !strings.EqualFold(encoding[0], "identity"):
	default:
		return nil
	}
	return problem(unsupported)
}
