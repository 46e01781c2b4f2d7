package dashboard

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// attempt is one way of getting in, byte for byte.
type attempt struct {
	what    string
	request string // its request line, without the version
	headers []string
	status  int // 0: the connection is ended
}

// TestDashboardRefusesAsItsDocsSay tries the door by hand, and keeps the table of docs/dashboard.md
// true.
func TestDashboardRefusesAsItsDocsSay(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(7, ""), "--id", "shop/7", "--in", "1h")
	cert, key := systemtest.Certificate(t)
	basic := func(user, password string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	ann := basic("ann", systemtest.DashPassword)
	const queues, pause, host = "GET /api/queues", "POST /api/queues/bind:pause", "Host: 127.0.0.1"
	long := strings.Repeat("x", 64<<10)

	network := s.Dash(t, "--listen", "0.0.0.0:0", "--auth", systemtest.PasswordFile(t), "--tls-cert", cert, "--tls-key", key, "--allow-actions")
	loopback := s.Dash(t)
	proxied := s.Dash(t, "--behind-proxy", "--trusted-proxy", "127.0.0.1", "--trusted-header", "X-Forwarded-User", "--host", "dash.example.com")
	stranger := s.Dash(t, "--behind-proxy", "--trusted-proxy", "10.0.0.0/8,fd00::/8", "--trusted-header", "X-Forwarded-User")
	tests := []struct {
		door, url string
		attempts  []attempt
	}{
		{"`--auth`, `--tls-cert`, `--allow-actions`", network, []attempt{
			{"no password", queues, nil, 401},
			{"no password, the page", "GET /", nil, 401},
			{"no password, a script of the page", "GET /static/js/main.5adda2da.chunk.js", nil, 401},
			{"a wrong password", queues, []string{basic("ann", "wrong")}, 401},
			{"an empty password", queues, []string{basic("ann", "")}, 401},
			{"a user that does not exist", queues, []string{basic("eve", systemtest.DashPassword)}, 401},
			{"a user in other case", queues, []string{basic("ANN", systemtest.DashPassword)}, 401},
			{"another scheme", queues, []string{"Authorization: Bearer " + systemtest.DashPassword}, 401},
			{"a proxy's header where there is no proxy", queues, []string{"X-Forwarded-User: ann"}, 401},
			{"the right password", queues, []string{ann}, 200},
			{"a POST from another site (`Sec-Fetch-Site: cross-site`)", pause, []string{ann, "Sec-Fetch-Site: cross-site"}, 403},
			{"a POST from a sibling (`Sec-Fetch-Site: same-site`)", pause, []string{ann, "Sec-Fetch-Site: same-site"}, 403},
			{"a POST from another `Origin`", pause, []string{ann, "Origin: https://evil.example"}, 403},
			{"a POST with `Origin: null`", pause, []string{ann, "Origin: null"}, 403},
			{"a DELETE from another site", "DELETE /api/queues/bind/scheduled_tasks:delete_all", []string{ann, "Sec-Fetch-Site: cross-site"}, 403},
			{"a GET of the API from another site's page", queues, []string{ann, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"}, 403},
			{"a frame of another site that shows the API", queues, []string{ann, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"}, 403},
			{"a page of 101 tasks", "GET /api/queues/bind/pending_tasks?size=101", []string{ann}, 400},
			{"a page of no number", "GET /api/queues/bind/pending_tasks?size=all", []string{ann}, 400},
			{"`//api/queues`", "GET //api/queues", []string{ann}, 400},
			{"`/api//queues`", "GET /api//queues", []string{ann}, 400},
			{"`/api/queues/`", "GET /api/queues/", []string{ann}, 400},
			{"`/api/../api/queues`", "GET /api/../api/queues", []string{ann}, 400},
			{"`/./api/queues`", "GET /./api/queues", []string{ann}, 400},
			{"`/api/%2e%2e/api/queues`", "GET /api/%2e%2e/api/queues", []string{ann}, 400},
			{"`/api/%252e%252e/queues`", "GET /api/%252e%252e/queues", []string{ann}, 400},
			{"`/%61pi/queues`", "GET /%61pi/queues", []string{ann}, 400},
			{"`/api%2Fqueues`", "GET /api%2Fqueues", []string{ann}, 400},
			{"`/api%5Cqueues`", "GET /api%5Cqueues", []string{ann}, 400},
			{"`/api\\queues`", `GET /api\queues`, []string{ann}, 400},
			{"`/api/queues%00`", "GET /api/queues%00", []string{ann}, 400},
			{"`/api/queues%0A`", "GET /api/queues%0A", []string{ann}, 400},
			{"`/api/queues/%2E%2E%2Fbind/tasks/x`", "GET /api/queues/%2E%2E%2Fbind/tasks/x", []string{ann}, 400},
			{"`/static/../../../etc/passwd`", "GET /static/../../../etc/passwd", []string{ann}, 400},
			{"`/API/queues`", "GET /API/queues", []string{ann}, 404},
			{"`/api/Queues`", "GET /api/Queues", []string{ann}, 404},
			{"`/api/queues;x`", "GET /api/queues;x", []string{ann}, 404},
			{"`/api/metrics`, without a Prometheus", "GET /api/metrics", []string{ann}, 404},
			{"what the API does not have", "GET /api/debug/pprof", []string{ann}, 404},
			{"a button the API does not have", "POST /api/queues/bind/scheduled_tasks/x:explode", []string{ann}, 405},
			{"`PUT`", "PUT /api/queues/bind", []string{ann}, 405},
			{"`TRACE`", "TRACE /api/queues", []string{ann}, 405},
			{"`OPTIONS *`", "OPTIONS *", []string{ann}, 400},
			{"`CONNECT`", "CONNECT 127.0.0.1:6379", []string{ann}, 400},
			{"a GET that wants to be a DELETE (`X-HTTP-Method-Override`)", queues, []string{ann, "X-HTTP-Method-Override: DELETE"}, 200},
			{"64 KiB of header", queues, []string{ann, "X-Long: " + long}, 431},
			{"64 KiB of password", queues, []string{basic("ann", long)}, 431},
			{"a path of 2 KiB", "GET /queues/" + long[:2<<10], []string{ann}, 400},
			{"two `Host` headers", queues, []string{ann, "Host: evil.example"}, 400},
			{"a task whose id has a slash", "GET /api/queues/bind/tasks/shop%2F7.1", []string{ann}, 200},
			{"the same, unescaped", "GET /api/queues/bind/tasks/shop/7.1", []string{ann}, 200},
			{"a button of the page itself", pause, []string{ann, "Sec-Fetch-Site: same-origin"}, 204},
		}},
		{"the same, by plain HTTP", strings.Replace(network, "https", "http", 1), []attempt{{"a request without TLS", queues, []string{ann}, 400}}},
		{"loopback, as it comes", loopback, []attempt{
			{"`Host: evil.example`, as after DNS rebinding", queues, []string{"Host: evil.example"}, 421},
			{"`Host: 127.0.0.1.evil.example`", queues, []string{"Host: 127.0.0.1.evil.example"}, 421},
			{"`Host: localhost.evil.example:8080`", queues, []string{"Host: localhost.evil.example:8080"}, 421},
			{"an address in the request line", "GET http://evil.example/api/queues", []string{host}, 421},
			{"no `Host`", queues, []string{"Host:"}, 421},
			{"`Host: localhost:8080`", queues, []string{"Host: localhost:8080"}, 200},
			{"`Host: [::1]`", queues, []string{"Host: [::1]"}, 200},
			{"an action", pause, []string{host}, 405},
			{"an action on a page", "POST /queues/bind", []string{host}, 405},
		}},
		{"`--behind-proxy`, from the proxy", proxied, []attempt{
			{"without the header", queues, []string{"Host: dash.example.com"}, 401},
			{"with an empty one", queues, []string{"Host: dash.example.com", "X-Forwarded-User: "}, 401},
			{"with two of them", queues, []string{"Host: dash.example.com", "X-Forwarded-User: ann", "X-Forwarded-User: eve"}, 401},
			{"under a name that is not a `--host`", queues, []string{"Host: other.example.com", "X-Forwarded-User: ann"}, 421},
			{"as it should be", queues, []string{"Host: dash.example.com", "X-Forwarded-User: ann"}, 200},
		}},
		{"`--behind-proxy`, from elsewhere", stranger, []attempt{
			{"with the proxy's header", queues, []string{"X-Forwarded-User: ann"}, 403},
			{"and with the address it says it has", queues, []string{"X-Forwarded-User: ann", "X-Forwarded-For: 10.0.0.1"}, 403},
		}},
	}
	var table strings.Builder
	for _, test := range tests {
		fmt.Fprintf(&table, "\n| %s | answer |\n|---|---|\n", test.door)
		for _, a := range test.attempts {
			if status := try(t, test.url, a); status != a.status {
				t.Errorf("%s: %s: %d, want %d", test.door, a.what, status, a.status)
			}
			fmt.Fprintf(&table, "| %s | %d %s |\n", a.what, a.status, http.StatusText(a.status))
		}
	}
	t.Log(table.String())
	if text, err := os.ReadFile(filepath.Join(systemtest.Root(t), "docs", "dashboard.md")); err != nil || !strings.Contains(string(text), table.String()) {
		t.Errorf("docs/dashboard.md must hold the table above: %v", err)
	}
}

// try writes a request as it is and returns the status of the answer, whose headers and body it
// checks.
func try(t *testing.T, base string, a attempt) int {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(systemtest.StartWithin))
	if u.Scheme == "https" {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	headers := a.headers
	if !strings.HasPrefix(strings.Join(headers, "\n")+"\n", "Host:") {
		headers = append([]string{"Host: " + u.Host}, headers...)
	}
	_, _ = fmt.Fprintf(conn, "%s HTTP/1.1\r\n%s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", a.request, strings.Join(headers, "\r\n"))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Errorf("%s: %v", a.what, err)
		return 0
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body)
	systemtest.NoNumbers(t, a.what, string(body))
	if response.StatusCode != http.StatusOK && strings.Contains(string(body), `"queues"`) {
		t.Errorf("%s: refused, and answered all the same", a.what)
	}
	byUs := response.Header.Get("Content-Security-Policy") != ""
	if !byUs && response.StatusCode != http.StatusBadRequest && response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%s: answered without the headers: %v", a.what, response.Header)
	}
	return response.StatusCode
}

// TestDashboardHeaders: what each kind of answer tells the browser.
func TestDashboardHeaders(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(7, ""), "--in", "1h")
	url := s.Dash(t)
	for path, want := range map[string]map[string]string{
		"":                    {"Content-Security-Policy": "script-src 'self' 'nonce-", "Cache-Control": "no-store", "Content-Type": "text/html"},
		"queues/bind":         {"Content-Security-Policy": "frame-ancestors 'none'", "Cache-Control": "no-store", "Content-Type": "text/html"},
		"api/queues":          {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-store", "Content-Type": "application/json"},
		"api/redis_info":      {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-store", "Content-Type": "application/json"},
		"api/no":              {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-store", "Content-Type": "text/plain"},
		"fonts/roboto.css":    {"Cache-Control": "private", "Content-Type": "text/css"},
		"fonts/LICENSE.txt":   {"Content-Type": "text/plain"},
		"favicon-32x32.png":   {"Content-Type": "image/png"},
		"static/js/none.js":   {"Content-Type": "text/plain"},
		"asset-manifest.json": {"Content-Type": "application/json"},
	} {
		response, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		want["X-Content-Type-Options"], want["Referrer-Policy"], want["X-Frame-Options"] = "nosniff", "no-referrer", "DENY"
		want["Cross-Origin-Resource-Policy"] = "same-origin"
		for name, value := range want {
			if got := response.Header.Get(name); !strings.Contains(got, value) {
				t.Errorf("/%s: %s is %q, without %q", path, name, got, value)
			}
		}
		policy := response.Header.Get("Content-Security-Policy")
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || strings.Contains(string(body), "googleapis") {
			t.Errorf("/%s: its policy or its text names others: %s", path, policy)
		}
	}
}
