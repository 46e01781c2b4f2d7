package httpapi

import (
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
)

// Routes.
const (
	routeTasks       = "/v1/tasks"
	routeBatch       = "/v1/tasks:batch"
	routeTask        = "/v1/tasks/{id}"
	routeResolve     = "/v1/tasks/{id}:resolve"
	routeOutcomes    = "/v1/outcomes"
	routeAcknowledge = "/v1/outcomes:ack"
	routeEvents      = "/v1/events"
	routeCalls       = "/v1/calls"
	routeCall        = "/v1/calls/{call_id}"
	routeDescription = "/v1/openapi.json"
	routeAlive       = "/healthz"
	routeReady       = "/readyz"
)

// resolveSuffix ends the path of a resolution. A pattern of net/http cannot say so: its wildcard
// is the whole segment. Nothing else is posted below a task's id, so that an id which ends so
// itself is meant by the rest.
const resolveSuffix = ":resolve"

// operation is what one method of a resource does.
type operation struct {
	scope Scope // that a token needs
	open  bool  // no token is needed
	// moves says that to ask changes something, so that HEAD is not the same as GET
	moves bool
	run   func(*exchange) error
}

// resource is what stands under one path: its operations by their methods.
type resource map[string]operation

// resources is the table of routes.
func (a *API) resources() map[string]resource {
	return map[string]resource{
		routeTasks: {
			http.MethodPost: {scope: ScopeEnqueue, run: a.enqueue},
			http.MethodGet:  {scope: ScopeRead, run: a.listTasks},
		},
		routeTask: {
			http.MethodGet:    {scope: ScopeRead, run: a.task},
			http.MethodDelete: {scope: ScopeOperate, run: a.cancel},
			http.MethodPost:   {scope: ScopeOperate, run: a.resolve},
		},
		routeBatch:       {http.MethodPost: {scope: ScopeEnqueue, run: a.enqueueBatch}},
		routeOutcomes:    {http.MethodGet: {scope: ScopeRead, moves: true, run: a.collectOutcomes}},
		routeAcknowledge: {http.MethodPost: {scope: ScopeRead, run: a.acknowledge}},
		routeEvents:      {http.MethodGet: {scope: ScopeRead, run: a.events}},
		routeCalls:       {http.MethodGet: {scope: ScopeRead, run: a.listCalls}},
		routeCall:        {http.MethodGet: {scope: ScopeRead, run: a.call}},
		routeDescription: {http.MethodGet: {open: true, run: a.description}},
		routeAlive:       {http.MethodGet: {open: true, run: a.alive}},
		routeReady:       {http.MethodGet: {open: true, run: a.ready}},
	}
}

func (a *API) mux() *http.ServeMux {
	routes := http.NewServeMux()
	for pattern, r := range a.resources() {
		routes.Handle(pattern, r)
	}
	routes.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		of(w).err = problem(notFound)
	})
	return routes
}

// ServeHTTP finds the operation of an exchange, and notes what it failed with.
func (o resource) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := of(w)
	e.r, e.route = r, r.Pattern
	methods := o
	if r.Pattern == routeTask {
		methods = o.ofTask(e)
	}
	e.err = methods.perform(e) //nolint:contextcheck // the context is the exchange's
}

// ofTask tells a task from a resolution of one by the end of its path.
func (o resource) ofTask(e *exchange) resource {
	id, resolves := strings.CutSuffix(e.r.PathValue("id"), resolveSuffix)
	if e.r.Method == http.MethodPost && resolves {
		e.id, e.route = id, routeResolve
		return o
	}
	e.id = e.r.PathValue("id")
	tasks := maps.Clone(o)
	delete(tasks, http.MethodPost)
	return tasks
}

func (o resource) perform(e *exchange) error {
	method := e.r.Method
	did, found := o[method]
	if method == http.MethodHead {
		did, found = o[http.MethodGet]
		found = found && !did.moves
	}
	if method == http.MethodOptions {
		did, found = operation{open: true, run: o.options}, true
	}
	if !found {
		return problem(methodNotAllowed).allowing(o.allow())
	}
	if err := e.authorize(did); err != nil {
		return err
	}
	e.startSpan(e.r.Context())
	return did.run(e)
}

// options tells the methods. There is no CORS: pages of other sites get nothing here.
func (o resource) options(e *exchange) error {
	e.Header().Set("Allow", o.allow())
	e.WriteHeader(http.StatusNoContent)
	return nil
}

func (o resource) allow() string {
	methods := append(slices.Collect(maps.Keys(o)), http.MethodOptions)
	if get, is := o[http.MethodGet]; is && !get.moves {
		methods = append(methods, http.MethodHead)
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

// isClean reports whether net/http would take a path as it is. It redirects others, which could
// lead from one task to another.
func isClean(escaped string) bool {
	if !strings.HasPrefix(escaped, "/") {
		return false
	}
	clean := path.Clean(escaped)
	return clean == escaped || clean+"/" == escaped
}
