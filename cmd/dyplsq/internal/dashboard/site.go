package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ConsoleRoot is where the operator's console is, beside asynqmon.
const ConsoleRoot = "/console/"

// site sends a request to the console, to asynqmon's API or to its pages. What none has is not
// found: asynqmon would answer its page to anything.
type site struct {
	api     *api
	pages   *pages
	console http.Handler // nil where there is none
}

// ServeHTTP implements [http.Handler].
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/api/"):
		s.api.ServeHTTP(w, r)
	case s.console != nil && strings.HasPrefix(path, ConsoleRoot):
		s.console.ServeHTTP(w, r)
	case s.console != nil && path+"/" == ConsoleRoot:
		http.Redirect(w, r, ConsoleRoot, http.StatusFound)
	default:
		s.pages.ServeHTTP(w, r)
	}
}

// api answers what asynqmon's pages ask.
type api struct {
	mon, buttons http.Handler
	queues       queues
	tasks        details
	readOnly     bool
	charts       bool
	places       chan struct{}
}

const (
	// Requests that are answered in the same moment; each may hold a page of tasks in memory.
	apiAtOnce   = 16
	apiWait     = 10 * time.Second
	maxPageSize = 100 // the largest that asynqmon's pages offer
)

var (
	readable = regexp.MustCompile(
		`^/api/(queues|queue_stats|servers|scheduler_entries|redis_info|queues/[^/]+` +
			`|queues/[^/]+/groups|queues/[^/]+/(active|pending|scheduled|retry|archived|completed)_tasks` +
			`|queues/[^/]+/groups/[^/]+/aggregating_tasks|scheduler_entries/[^/]+/enqueue_events)$`,
	)
	pressable = regexp.MustCompile(
		`^/api/queues/([^/]+|[^/]+/[a-z]+_tasks[:/].+|[^/]+/groups/[^/]+/aggregating_tasks[:/][^/]+)$`,
	)
	oneDetail = regexp.MustCompile(`^/api/queues/([^/]+)/tasks/(.+)$`)
	queueList = regexp.MustCompile(
		`^[A-Za-z0-9_.:,-]*$`,
	) // it becomes part of a question to Prometheus
)

// ServeHTTP implements [http.Handler].
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !a.enter(w, r) {
		return
	}
	defer func() { <-a.places }()
	if r.Method != http.MethodGet {
		a.press(w, r)
		return
	}
	if err := checkPage(r.URL.Query()); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	path := r.URL.Path
	detail := oneDetail.FindStringSubmatch(path)
	switch {
	case path == "/api/queues":
		a.queues.list(w)
	case path == "/api/queue_stats":
		a.queues.history(w)
	case detail != nil:
		a.tasks.show(w, r, detail[1], detail[2])
	case path == "/api/metrics" && a.charts && queueList.MatchString(r.URL.Query().Get("queues")),
		readable.MatchString(path):
		a.mon.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

// enter waits for a place among the requests that are answered, or says that there is none.
func (a *api) enter(w http.ResponseWriter, r *http.Request) bool {
	ctx, cancel := context.WithTimeout(r.Context(), apiWait)
	defer cancel()
	select {
	case a.places <- struct{}{}:
		return true
	case <-ctx.Done():
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many requests at once: try again in a moment", http.StatusServiceUnavailable)
		return false
	}
}

// checkPage refuses a page that would hold more than a person looks at.
func checkPage(query url.Values) error {
	for _, size := range query["size"] {
		if n, err := strconv.Atoi(size); err != nil || n < 1 || n > maxPageSize {
			return fmt.Errorf(
				"size must be a number from 1 to %d: ask for one page after the other, with page=2",
				maxPageSize,
			)
		}
	}
	return nil
}

func (a *api) press(w http.ResponseWriter, r *http.Request) {
	switch {
	case a.readOnly:
		http.Error(
			w,
			"this dashboard only reads: start it with --allow-actions to change something",
			http.StatusMethodNotAllowed,
		)
	case !AccessOf(r.Context()).May(RoleOperate):
		http.Error(w, lacking(AccessOf(r.Context()), RoleOperate), http.StatusForbidden)
	case r.Method != http.MethodPost && r.Method != http.MethodDelete:
		http.Error(w, "GET, POST and DELETE alone", http.StatusMethodNotAllowed)
	case !pressable.MatchString(r.URL.Path):
		http.NotFound(w, r)
	default:
		a.buttons.ServeHTTP(w, r)
	}
}
