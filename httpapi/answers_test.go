package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// call is one operation of the document, as a request that would be done.
type call struct {
	method, path, body string
	operation          *openapi3.Operation
}

// calls are all operations, with ids that nobody has.
func allCalls(t *testing.T) (all []call) {
	t.Helper()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		path = strings.NewReplacer("{id}", "nobody", "{call_id}", "nobody").Replace(path)
		if path == "/v1/outcomes" {
			path += "?group=nobody"
		}
		for method, operation := range item.Operations() {
			c := call{method: method, path: path, operation: operation}
			if operation.RequestBody != nil {
				body, err := json.Marshal(operation.RequestBody.Value.Content["application/json"].Example)
				if err != nil {
					t.Fatal(err)
				}
				c.body = string(body)
			}
			all = append(all, c)
		}
	}
	return all
}

func (c call) answers(status int) bool {
	return c.operation.Responses.Value(strconv.Itoa(status)) != nil
}

// TestEveryOperationRefuses: what the document says of each operation's refusals is so.
func TestEveryOperationRefuses(t *testing.T) {
	t.Parallel()
	scopeless, secret := newToken(t, "numbers-alone", ScopeNumbers)
	w := newWorld(t, withTokens(scopeless))
	address := w.harsh()
	for _, c := range allCalls(t) {
		line := c.method + " " + c.path
		query := "?x=1"
		if strings.Contains(c.path, "?") {
			query = "&x=1"
		}
		for status, ask := range map[int]func() answer{
			http.StatusBadRequest:            func() answer { return w.raw(t, address, w.text(line, "zz\r\n", "Transfer-Encoding", "chunked")) },
			http.StatusUnauthorized:          func() answer { return w.as("", c.method, c.path, c.body) },
			http.StatusForbidden:             func() answer { return w.as(secret, c.method, c.path, c.body) },
			http.StatusNotFound:              func() answer { return w.do(c.method, c.path, c.body) },
			http.StatusRequestTimeout:        func() answer { return w.raw(t, address, w.text(line, "{", "Content-Length", "100")) },
			http.StatusRequestEntityTooLarge: func() answer { return w.raw(t, address, w.text(line, "{", "Content-Length", "99999999999")) },
			http.StatusUnsupportedMediaType:  func() answer { return w.do(c.method, c.path, c.body, "Content-Type", "") },
			http.StatusUnprocessableEntity:   func() answer { return w.do(c.method, c.path+query, c.body) },
		} {
			if !c.answers(status) {
				continue
			}
			got := ask()
			if got.Status != status || got.problem(t).Status != status {
				t.Errorf("%s: %d, want %d: %s", line, got.Status, status, got.Body)
			}
			if challenge := got.Header.Get("WWW-Authenticate"); (status == http.StatusUnauthorized || status == http.StatusForbidden) != strings.HasPrefix(challenge, "Bearer ") {
				t.Errorf("%s: %d with the challenge %q", line, status, challenge)
			}
		}
	}
}

// TestEveryOperationWithoutRedis: while Redis is away each says so soon, and when to come again.
func TestEveryOperationWithoutRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withoutRedis)
	w.redis.Kill()
	for _, c := range allCalls(t) {
		if !c.answers(http.StatusServiceUnavailable) {
			continue
		}
		got := w.do(c.method, c.path, c.body)
		if got.Status != http.StatusServiceUnavailable || c.path != routeReady && (got.kindOf(t) != "redis-unreachable" || got.Header.Get("Retry-After") == "") {
			t.Errorf("%s %s: %d %s", c.method, c.path, got.Status, got.Body)
		}
	}
	if n := strings.Count(w.log.String(), "requests refused: Redis does not do what they need"); n == 0 || n > 3 {
		t.Errorf("it is logged %d times", n)
	}
}

// TestEveryOperationFails: a mistake of the server's own is told as one, whatever it is about, and
// what it says goes to the log alone.
func TestEveryOperationFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.Admit = func(*http.Request) int { panic("mistaken " + numberA) } })
	for _, c := range allCalls(t) {
		if !c.answers(http.StatusInternalServerError) {
			t.Errorf("%s %s: 500 is not described", c.method, c.path)
		}
		got := w.do(c.method, c.path, c.body)
		if got.Status != http.StatusInternalServerError || got.kindOf(t) != "internal" || strings.Contains(got.Body, "mistaken") {
			t.Errorf("%s %s: %d %s", c.method, c.path, got.Status, got.Body)
		}
	}
	if !strings.Contains(w.log.String(), "mistaken") || strings.Contains(w.log.String(), numberA) {
		t.Errorf("the log: %s", w.log)
	}
}

// TestScopes: each operation needs one scope, and no other gives it.
func TestScopes(t *testing.T) {
	t.Parallel()
	want := map[string]Scope{
		"POST /v1/tasks": ScopeEnqueue, "GET /v1/tasks/{id}": ScopeRead, "DELETE /v1/tasks/{id}": ScopeOperate, "POST /v1/tasks/{id}:resolve": ScopeOperate,
		"GET /v1/tasks": ScopeRead, "POST /v1/tasks:batch": ScopeEnqueue, "GET /v1/outcomes": ScopeRead, "POST /v1/outcomes:ack": ScopeRead, "GET /v1/events": ScopeRead,
		"GET /v1/calls": ScopeRead, "GET /v1/calls/{call_id}": ScopeRead, "GET /v1/openapi.json": "", "GET /healthz": "", "GET /readyz": "",
	}
	var tokens []Token
	secrets := map[Scope]string{}
	for _, scope := range Scopes() {
		token, secret := newToken(t, string(scope), scope)
		tokens, secrets[scope] = append(tokens, token), secret
	}
	w := newWorld(t, withTokens(tokens...))
	got := map[string]Scope{}
	for _, c := range allCalls(t) {
		request, err := http.NewRequest(c.method, "http://x"+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		pattern, _ := pathOf(request)
		name := c.method + " " + pattern
		allowed := []Scope{}
		for _, scope := range Scopes() {
			method := c.method
			if c.path == routeEvents { // it would not end
				method = http.MethodHead
			}
			if status := w.as(secrets[scope], method, c.path, c.body).Status; status != http.StatusForbidden {
				allowed = append(allowed, scope)
			}
		}
		switch len(allowed) {
		case 1:
			got[name] = allowed[0]
		case len(Scopes()):
			got[name] = ""
		default:
			t.Errorf("%s: %v", name, allowed)
		}
		if described := c.operation.Description; got[name] != "" && !strings.HasPrefix(described, "Scope: `"+string(got[name])+"`.") {
			t.Errorf("%s needs %s, and is described: %s", name, got[name], described)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got): %s", diff)
	}
}

// TestTooManyAtOnce: what is more than the server takes on is refused, and so is what is more than
// a token's share of the waits.
func TestTooManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config) { c.Concurrent, c.Waits = 1, 4 })
	w.enqueued("stays")
	w.api.slots <- struct{}{}
	if got := w.do(http.MethodGet, "/v1/tasks/stays", ""); got.kindOf(t) != "busy" || got.Header.Get("Retry-After") != "1" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if got := w.do(http.MethodGet, "/healthz", ""); got.Status != http.StatusOK {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	<-w.api.slots
	done := make(chan answer, 1)
	go func() { done <- w.do(http.MethodGet, "/v1/tasks/stays?wait=60s", "") }()
	redistest.Poll(t, within, "the request to wait", systemtest.Until(func() bool { return w.api.waits.open() == 1 }))
	for _, path := range waitingPaths {
		if got := w.do(http.MethodGet, path, ""); got.Status != http.StatusTooManyRequests || got.kindOf(t) != "too-many-waits" {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	if got := w.do(http.MethodGet, "/v1/tasks/stays", ""); got.Status != http.StatusOK { // it takes no slot
		t.Errorf("%d %s", got.Status, got.Body)
	}
	w.api.Drain()
	if got := <-done; got.Status != http.StatusOK || w.api.waits.open() != 0 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// waitingPaths are those of all operations that may wait.
var waitingPaths = []string{"/v1/tasks/stays?wait=1s", "/v1/outcomes?group=test&wait=1s", "/v1/events"}

// TestHeadAndOptions: HEAD is GET without the body, OPTIONS tells the methods, and nothing is
// said to pages of other sites.
func TestHeadAndOptions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.enqueued("stays")
	if got := w.do(http.MethodHead, "/v1/tasks/stays", ""); got.Status != http.StatusOK || got.Body != "" || got.Header.Get("Content-Length") == "" {
		t.Errorf("%d %q %v", got.Status, got.Body, got.Header)
	}
	for path, want := range map[string]string{
		"/v1/tasks/stays": "DELETE, GET, HEAD, OPTIONS", "/v1/tasks/stays:resolve": "DELETE, GET, HEAD, OPTIONS", "/healthz": "GET, HEAD, OPTIONS",
	} {
		got := w.as("", http.MethodOptions, path, "", "Origin", "https://evil.example", "Access-Control-Request-Method", "GET")
		if got.Status != http.StatusNoContent || got.Header.Get("Allow") != want || got.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v", path, got.Status, got.Header)
		}
	}
}
