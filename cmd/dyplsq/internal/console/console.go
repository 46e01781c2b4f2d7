// Package console is the operator's pages: what waits and why, which tasks failed, and what may be
// done about it. The server draws them, in Chinese and English; they work without JavaScript, and
// ask no other host for anything. Whoever opens them has passed the dashboard's door.
package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/callbacks"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Root is where the pages are; everything the console answers begins so.
const Root = "/console/"

// Config is what a console needs.
type Config struct {
	Queue *tasks.Queue
	Calls *calls.Store
	Audit *audit.Log
	Redis redis.UniversalClient
	Keys  *tasks.Keys // nil for none
	// Callbacks knows the endpoints that are told, and is not run here; nil for none.
	Callbacks *callbacks.Sender
	// Archive is what recordings are played from; nil for none.
	Archive Archive
	// AllowActions lets pages change something. Without it the role operate counts for nothing.
	AllowActions bool
	// Secure says that browsers come by https alone: cookies are then sent by nothing else.
	Secure bool
	// Note is told of pages that could not be drawn, and why. It may be nil.
	Note func(path string, err error)
	// Now is the clock by which ages are told; nil is time.Now.
	Now func() time.Time
}

// Console answers for the pages.
type Console struct {
	Config

	mux    *http.ServeMux
	shelf  shelf
	tokens *tokens
	plans  plans

	playing chan struct{} // has one for each recording that is streamed
}

// New makes a console. It does not wait for a connection to Redis.
func New(config Config) (*Console, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Note == nil {
		config.Note = func(string, error) {}
	}
	c := &Console{
		Config: config, mux: http.NewServeMux(), tokens: newTokens(config.Redis, config.Keys),
		playing: make(chan struct{}, playedAtOnce),
	}
	var err error
	if c.shelf, err = newShelf(config.Now); err != nil {
		return nil, fmt.Errorf("the console's pages: %w", err)
	}
	c.mux.HandleFunc("GET "+staticRoot, c.static)
	c.mux.HandleFunc("GET "+Root+"language", c.setLanguage)
	for _, row := range routes() {
		c.mux.Handle(row.method+" "+row.path, c.serve(row))
	}
	return c, nil
}

// policy lets a page use our own files, and nothing else: no script or style stands in a page.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; " +
	"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// ServeHTTP implements [http.Handler].
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Vary", "Accept-Language, Cookie")
	if _, pattern := c.mux.Handler(r); pattern == "" {
		c.serve(route{method: http.MethodGet, atOnce: usualAtOnce, answer: notFound}).ServeHTTP(w, r)
		return
	}
	c.mux.ServeHTTP(w, r)
}

func notFound(*request) (answer, error) { return answer{}, errNotFound }

// serve answers for one row of the table. Requests of a row share its places, so that one page that
// is slow holds up no other.
func (c *Console) serve(row route) http.Handler {
	places := make(chan struct{}, row.atOnce)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if !row.stream {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, answerWithin)
			defer cancel()
		}
		q := c.request(r.WithContext(ctx), w)
		a, err := c.answer(places, row, q) //nolint:contextcheck // the request has its own
		switch {
		case err != nil:
			c.fail(w, q, err)
		case a.stream != nil:
			a.stream(w, q.Request)
		case a.to != "":
			c.redirect(w, q, a)
		default:
			c.draw(w, q, http.StatusOK, a)
		}
	})
}

// answer waits for a place, asks whether this may be done, and does it.
func (c *Console) answer(places chan struct{}, row route, r *request) (answer, error) {
	if !r.access.May(row.role) && row.role != "" {
		return answer{}, lacking(row.role)
	}
	if row.method != http.MethodGet {
		if !c.AllowActions && row.role == dashboard.RoleOperate {
			return answer{}, errReadOnly
		}
		if err := r.checkForm(); err != nil {
			return answer{}, err
		}
	}
	wait, cancel := context.WithTimeout(r.Context(), placeWithin)
	defer cancel()
	select {
	case places <- struct{}{}:
	case <-wait.Done():
		return answer{}, errBusy
	}
	defer func() { <-places }()
	a, err := row.answer(r)
	if err != nil && errors.Is(r.Context().Err(), context.DeadlineExceeded) {
		return answer{}, fmt.Errorf("%w: %w", errSlow, err)
	}
	return a, err
}
