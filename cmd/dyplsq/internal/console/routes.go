package console

import (
	"net/http"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
)

const (
	// usualAtOnce is how many requests for a page are answered at the same moment.
	usualAtOnce  = 4
	bulkAtOnce   = 2 // each may have 100,000 tasks in memory
	placeWithin  = 5 * time.Second
	answerWithin = 15 * time.Second
)

// route is a row of the table of pages: what a request asks for, who may, and what answers it.
type route struct {
	method string
	path   string
	role   dashboard.Role // whoever lacks it is answered 403
	atOnce int            // requests that are answered at the same moment; others wait
	stream bool           // takes as long as it takes
	answer func(*request) (answer, error)
}

// answer is what a row has to say: a page, the address of one, or bytes.
type answer struct {
	page string        // its template, which stands in templates/PAGE.html
	data any           // what the template shows, as .Main
	live time.Duration // how often a browser asks for it anew; 0 for never

	to   string // the page to go on to, after a change
	done string // the text that tells there what was done, by its key, which begins with "done."

	stream http.HandlerFunc
}

// routes is the table of pages.
func routes() []route {
	page := func(path string, does func(*request) (answer, error)) route {
		return route{http.MethodGet, Root + path, dashboard.RoleSee, usualAtOnce, false, does}
	}
	change := func(path string, role dashboard.Role, does func(*request) (answer, error)) route {
		return route{http.MethodPost, Root + path, role, usualAtOnce, false, does}
	}
	return []route{
		page("{$}", home),
		page("now", nowPage),
		page("tasks", tasksPage),
		page("task", taskPage),
		change("task", dashboard.RoleOperate, act),
		{http.MethodGet, Root + "confirm", dashboard.RoleOperate, usualAtOnce, false, confirmPage},
		{http.MethodGet, Root + "bulk", dashboard.RoleOperate, bulkAtOnce, false, previewPage},
		{http.MethodPost, Root + "bulk", dashboard.RoleOperate, bulkAtOnce, true, carryPage},
		change("whole", dashboard.RoleNumbers, showWhole),
		page("uncertain", uncertainPage),
		page("audit", auditPage),
		page("calls", callsPage),
		page("call", callPage),
		change("call/whole", dashboard.RoleNumbers, wholeCall),
		change("call/listen", dashboard.RoleListen, listen),
		{http.MethodGet, Root + "recording", dashboard.RoleListen, usualAtOnce, true, playRecording},
		page("recordings", recordingsPage),
		change("recordings", dashboard.RoleOperate, retryRecordings),
		page("numbers", numbersPage),
		page("pool", poolPage),
		page("callbacks", callbacksPage),
		change("callbacks/enable", dashboard.RoleOperate, enableEndpoint),
		{
			http.MethodPost, Root + "callbacks/replay", dashboard.RoleOperate, usualAtOnce, true,
			replayEndpoint,
		},
	}
}

// home goes to the first page.
func home(*request) (answer, error) { return answer{to: Root + "now"}, nil }

// navigation is what each page has at its head: texts nav.NAME, and the page that each leads to.
var navigation = []struct{ name, path string }{
	{"now", Root + "now"},
	{"tasks", Root + "tasks"},
	{"uncertain", Root + "uncertain"},
	{"calls", Root + "calls"},
	{"recordings", Root + "recordings"},
	{"numbers", Root + "numbers"},
	{"callbacks", Root + "callbacks"},
	{"audit", Root + "audit"},
}
