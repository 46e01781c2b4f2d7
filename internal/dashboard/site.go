package dashboard

import (
	"net/http"
	"regexp"
	"strings"
)

// site sends a request to the API or to the pages. What neither has is not found: asynqmon would answer its page to anything.
type site struct {
	api   *api
	pages *pages
}

// ServeHTTP implements [http.Handler].
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		s.api.ServeHTTP(w, r)
		return
	}
	s.pages.ServeHTTP(w, r)
}

// api answers what asynqmon's pages ask.
type api struct {
	mon, buttons http.Handler
	queues       queues
	tasks        details
	readOnly     bool
	charts       bool
}

var (
	readable = regexp.MustCompile(`^/api/(queues|queue_stats|servers|scheduler_entries|redis_info|queues/[^/]+` +
		`|queues/[^/]+/groups|queues/[^/]+/(active|pending|scheduled|retry|archived|completed)_tasks` +
		`|queues/[^/]+/groups/[^/]+/aggregating_tasks|scheduler_entries/[^/]+/enqueue_events)$`)
	pressable = regexp.MustCompile(`^/api/queues/([^/]+|[^/]+/[a-z]+_tasks[:/].+|[^/]+/groups/[^/]+/aggregating_tasks[:/][^/]+)$`)
	oneDetail = regexp.MustCompile(`^/api/queues/([^/]+)/tasks/(.+)$`)
	queueList = regexp.MustCompile(`^[A-Za-z0-9_.:,-]*$`) // it becomes part of a question to Prometheus
)

// ServeHTTP implements [http.Handler].
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		a.press(w, r)
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
		a.tasks.show(w, detail[1], detail[2]) //nolint:contextcheck // asynqmon's formatters have no context: they bound themselves
	case path == "/api/metrics" && a.charts && queueList.MatchString(r.URL.Query().Get("queues")), readable.MatchString(path):
		a.mon.ServeHTTP(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (a *api) press(w http.ResponseWriter, r *http.Request) {
	switch {
	case a.readOnly:
		http.Error(w, "this dashboard only reads: start it with --allow-actions to change something", http.StatusMethodNotAllowed)
	case r.Method != http.MethodPost && r.Method != http.MethodDelete:
		http.Error(w, "GET, POST and DELETE alone", http.StatusMethodNotAllowed)
	case !pressable.MatchString(r.URL.Path):
		http.NotFound(w, r)
	default:
		a.buttons.ServeHTTP(w, r)
	}
}
