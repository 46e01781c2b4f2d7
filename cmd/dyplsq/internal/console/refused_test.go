package console

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// attack is a way to send what changes something that must be refused. Token is what its form
// carries: none, one of the user's own page, one that was used, one of another user.
type attack struct {
	user    string // "" without a name and password
	token   string
	method  string // POST unless it says so
	headers []string
	refused []int
}

const (
	noToken, ownToken, usedToken, othersToken, forgedToken = "", "own", "used", "other's", "forged"
)

var anyway = []int{http.StatusForbidden}

// attacks are those on everything that changes something. eve may do everything.
var attacks = map[string]attack{
	"nobody":                  {token: ownToken, refused: []int{http.StatusUnauthorized}},
	"without the role":        {user: "bob", token: ownToken, refused: anyway},
	"from another site":       {user: "eve", token: ownToken, headers: []string{"Sec-Fetch-Site", "cross-site"}, refused: anyway},
	"from a sibling's site":   {user: "eve", token: ownToken, headers: []string{"Sec-Fetch-Site", "same-site"}, refused: anyway},
	"of another origin":       {user: "eve", token: ownToken, headers: []string{"Origin", "https://evil.example"}, refused: anyway},
	"of no origin":            {user: "eve", token: ownToken, headers: []string{"Origin", "null"}, refused: anyway},
	"without a token":         {user: "eve", token: noToken, refused: anyway},
	"with a forged token":     {user: "eve", token: forgedToken, refused: anyway},
	"with another's token":    {user: "eve", token: othersToken, refused: anyway},
	"sent before":             {user: "eve", token: usedToken, refused: []int{http.StatusConflict}},
	"by a method of no use":   {user: "eve", token: ownToken, method: http.MethodPut, refused: []int{http.StatusNotFound, http.StatusMethodNotAllowed}},
	"by a method that erases": {user: "eve", token: ownToken, method: http.MethodDelete, refused: []int{http.StatusNotFound, http.StatusMethodNotAllowed}},
	"by a method that patches": {
		user: "eve", token: ownToken, method: http.MethodPatch, refused: []int{http.StatusNotFound, http.StatusMethodNotAllowed},
	},
}

// buttons are asynqmon's. It knows no token: what keeps other sites out is what the browser says of
// where a request comes from.
var buttons = []string{
	"/api/queues/bind:pause", "/api/queues/bind:resume", "/api/queues/bind/scheduled_tasks/later.1:run",
	"/api/queues/bind/scheduled_tasks/later.1:archive", "/api/queues/bind/scheduled_tasks:run_all", "/api/queues/bind/scheduled_tasks:archive_all",
	"/api/queues/bind/scheduled_tasks:batch_delete", "/api/queues/bind/active_tasks/later.1:cancel",
}

// TestEveryChangeIsRefused: each request that changes something, of the console and of asynqmon, in
// each way in which it must not be sent. Nothing is changed.
func TestEveryChangeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	w.bind(7, "later", tasks.ProcessIn(time.Hour))
	ann, eve := w.as("ann", "en"), w.as("eve", "en")
	tokenFor := func(p *person) string {
		token := tokenOf(p.shows("/console/confirm?id=later&do=cancel"))
		if token == "" {
			t.Fatal("the page has no token")
		}
		return token
	}
	used := tokenFor(eve)
	// A form that names no task uses up its token all the same.
	if status, page := eve.do(http.MethodPost, "/console/task", url.Values{tokenField: {used}}.Encode()); status < http.StatusBadRequest || status == http.StatusForbidden {
		t.Fatalf("%d %s", status, page)
	}
	own, others := tokenFor(eve), tokenFor(ann)
	tokensOf := map[string]string{
		ownToken: own, usedToken: used, othersToken: others, forgedToken: strings.Repeat("A", 26) + "." + strings.Split(own, ".")[1] + ".AAAA",
	}
	tried := 0
	for _, row := range routes() {
		if row.method != http.MethodPost {
			continue
		}
		for name, a := range attacks {
			form := url.Values{
				tokenField: {tokensOf[a.token]}, "id": {"later"}, "do": {"cancel"}, "reason": {"x"}, "call": {"c"}, "name": {"crm"}, "since": {"1h"},
			}
			tried++
			w.refuses(eve, a, name, row.path, form.Encode())
		}
	}
	for _, path := range buttons {
		for name, a := range attacks {
			if a.token == ownToken { // the others differ in their tokens alone
				tried++
				w.refuses(eve, a, name, path, `{"task_ids":["later.1"]}`)
			}
		}
	}
	w.becomes("later", "queued")
	w.nothingDone()
	stats, err := w.queue.Stats(t.Context())
	for _, q := range stats {
		if err != nil || q.Paused || q.Queue == "bind" && q.Scheduled != 1 {
			t.Errorf("%+v, %v", q, err)
		}
	}
	t.Logf("%d requests refused", tried)
	// It is no wonder that all is refused where nothing works.
	if status, page := eve.do(http.MethodPost, "/console/task", url.Values{tokenField: {own}, "id": {"later"}, "do": {"cancel"}, "reason": {"x"}}.Encode()); status != http.StatusOK {
		t.Errorf("what is in order: %d %s", status, page)
	}
	if status, _ := eve.do(http.MethodPost, buttons[0], ""); status != http.StatusNoContent {
		t.Errorf("a pause that is in order: %d", status)
	}
}

// refuses sends a request with the cookies of a browser, which a page of another site sends too.
func (w *world) refuses(browser *person, a attack, name, path, body string) {
	w.t.Helper()
	method := a.method
	if method == "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if a.user != "" {
		r.SetBasicAuth(a.user, password)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(a.headers); i += 2 {
		r.Header.Set(a.headers[i], a.headers[i+1])
	}
	response, err := browser.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body)
	if slices.Contains(a.refused, response.StatusCode) {
		return
	}
	w.t.Errorf("%s: %s %s: %d, want %v: %.200s", name, method, path, response.StatusCode, a.refused, text)
}

// nothingDone fails where the audit tells of more than what asynqmon itself refused.
func (w *world) nothingDone() {
	w.t.Helper()
	lines, _, err := w.audit.Read(w.t.Context(), audit.Filter{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	refused := map[string]bool{}
	for _, e := range lines { // the newest first: a second line comes before its first
		switch {
		case strings.HasPrefix(e.Detail[audit.Result], "answered with 40"):
			refused[e.Detail[audit.Of]] = true
		case !refused[e.ID]:
			w.t.Errorf("something was done: %+v", e)
		}
	}
}

// TestRolesOfChanges: whoever lacks a role is refused what needs it, whatever their others are.
func TestRolesOfChanges(t *testing.T) {
	t.Parallel()
	needs := map[dashboard.Role]bool{}
	for _, row := range routes() {
		if row.method == http.MethodPost {
			if needs[row.role] = true; row.role == "" || row.role == dashboard.RoleSee {
				t.Errorf("%s changes something, and whoever sees may", row.path)
			}
		}
	}
	for _, role := range []dashboard.Role{dashboard.RoleOperate, dashboard.RoleNumbers, dashboard.RoleListen} {
		if !needs[role] {
			t.Errorf("nothing needs %s", role)
		}
	}
}
