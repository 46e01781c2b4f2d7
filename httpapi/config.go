package httpapi

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	defaultConcurrent = 256
	defaultWaits      = 4096
)

// Config is what an [API] needs. Zero values mean the defaults.
type Config struct {
	// Queue is where tasks are put, and their outcomes found.
	Queue *tasks.Queue
	// Calls is where calls are read. Without it no call is known, and no event tells of one.
	Calls *calls.Store
	// Tokens tell who may do what.
	Tokens Tokens
	// Callbacks are the names of the endpoints that a task may name as its callback.
	Callbacks []string
	// Admit looks at each request before all else. It returns the status of a refusal,
	// [http.StatusMisdirectedRequest] for another host's or [http.StatusForbidden] for one that did
	// not come through the proxy, or 0. Without it every request is let in.
	Admit func(*http.Request) int
	// Concurrent is how many requests are worked on at once, 256 by default. Others wait up to a
	// second, and are refused with 503.
	Concurrent int
	// Waits is how many requests may wait for an outcome, or stay open for events, at once: 4,096 by
	// default. A quarter of them are each token's at most. Others are refused with 429 or 503.
	Waits int
	// Logger gets one line a request: the token's name, the route and what came of it.
	Logger zerolog.Logger
	// Trace is told of each request.
	Trace Trace
	// TracerProvider is OpenTelemetry's: where a span of each request goes that posts or deletes. It
	// goes on with the trace that the client's traceparent names. nil, the default, traces nothing.
	// The tasks that are posted are linked to what comes of them if Queue has it, too.
	TracerProvider trace.TracerProvider
	// Audit, where it is given, writes down who withdraws or settles a task, and has it done by
	// calling act, whose error it returns. Where it cannot write, it returns an error of its own and
	// does not call act: the task is left as it is.
	Audit func(ctx context.Context, c Change, act func(context.Context) error) error

	asked time.Duration // of tests alone: how long Redis is asked for one request
}

// API answers requests. All its methods may be used at the same time.
type API struct {
	queue     *tasks.Queue
	calls     *calls.Store
	tokens    Tokens
	callbacks atomic.Pointer[[]string]
	admit     func(*http.Request) int
	log       zerolog.Logger
	trace     Trace
	tracer    tracing.Tracer
	audit     func(context.Context, Change, func(context.Context) error) error

	outcomesFeed *feed[tasks.Told]
	changesFeed  *feed[calls.Changed]

	routes  *http.ServeMux
	slots   chan struct{} // of requests that are worked on
	waits   waits
	serving context.Context //nolint:containedctx // until the API drains
	drain   context.CancelFunc
	// within what time a body must be here
	bodyWithin time.Duration
	asked      time.Duration // how long Redis is asked for one request

	said throttle // that Redis does not do what requests need
}

// New returns an API. Its error tells everything that is wrong with the configuration.
func New(c Config) (*API, error) {
	var problems []error
	if c.Queue == nil {
		problems = append(problems, errors.New("the field Queue must be given"))
	}
	if c.Tokens == nil {
		problems = append(problems, errors.New("the field Tokens must be given: nobody is let in without one"))
	}
	if c.Concurrent < 0 || c.Waits < 0 {
		problems = append(problems, errors.New("the fields Concurrent and Waits must not be negative: leave them out"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	serving, drain := context.WithCancel(context.Background())
	a := &API{
		queue:      c.Queue,
		calls:      c.Calls,
		tokens:     c.Tokens,
		admit:      c.Admit,
		log:        c.Logger,
		trace:      c.Trace,
		tracer:     tracing.New(c.TracerProvider),
		audit:      c.Audit,
		slots:      make(chan struct{}, cmp.Or(c.Concurrent, defaultConcurrent)),
		waits:      waits{most: cmp.Or(c.Waits, defaultWaits), of: map[string]int{}},
		serving:    serving,
		drain:      drain,
		bodyWithin: bodyWithin,
		asked:      cmp.Or(c.asked, asked),
		said:       throttle{every: sayEvery},
	}
	a.outcomesFeed, a.changesFeed = newFeed(outcomesSource(c.Queue)), newFeed(changesSource(c.Calls))
	if a.audit == nil {
		a.audit = func(ctx context.Context, _ Change, act func(context.Context) error) error {
			return act(ctx)
		}
	}
	a.SetCallbacks(c.Callbacks)
	a.routes = a.mux()
	return a, nil
}

// SetCallbacks changes the names of the endpoints that a task may name as its callback.
func (a *API) SetCallbacks(names []string) {
	names = slices.Clone(names)
	a.callbacks.Store(&names)
}

// Drain answers those who wait for an outcome with what is known now, and ends the streams of
// events. Requests that come later are answered, and none of them waits. Call it before
// [http.Server.Shutdown].
func (a *API) Drain() { a.drain() }

// Close ends what the API runs by itself. It closes neither the queue nor the store of calls.
func (a *API) Close() error {
	a.drain()
	return nil
}

// Change is what a request does to a task that is there already.
type Change struct {
	Action string // cancel or resolve
	ID     string // the task's
	Token  string // the name of the token
	By     string // who the request says it is for, the token's name where it does not say
	As     string // of a resolution: failed, retry or succeeded
}

// What a [Change] does.
const (
	ChangeCancel  = "cancel"
	ChangeResolve = "resolve"
)

// Trace is told what happens. What is nil is not told.
type Trace struct {
	// RequestDone is told of each request that was answered, or left by its client.
	RequestDone func(Request)
	// Waiting is told how many requests wait for an outcome or for events, whenever that changes.
	Waiting func(open int)
}

// Request is a request that is over.
type Request struct {
	Token  string // its name, "" where none was accepted
	Method string // "other" where it is no usual one
	Route  string // as the table of routes writes it, "" where there is none
	// Status is what was answered, or [StatusClientGone].
	Status int
	Took   time.Duration
	Bytes  int64 // of the answer's body
}

// StatusClientGone is the status, in logs and metrics, of a request whose client did not wait for
// its answer.
const StatusClientGone = 499
