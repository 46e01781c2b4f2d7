package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

var apiURL = regexp.MustCompile(`"url":"(http[^"]*/)v1/"`)

// newTestToken has the command make a token, and returns its secret.
func newTestToken(t *testing.T, file, name, scopes string) string {
	t.Helper()
	r := systemtest.Run(t, systemtest.CleanEnv("DYPLSQ_TOKENS="+file), "", "token", "new", name, "--scope", scopes)
	if r.Status != statusOK || r.Errors != "" {
		t.Fatalf("exit status %d, %s", r.Status, r.Errors)
	}
	return strings.TrimSpace(r.Out)
}

// apiServer starts one on a port of its own, and returns its address and a token that may all.
func apiServer(t *testing.T, env []string, args ...string) (p *systemtest.Process, url, token string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokens")
	token = newTestToken(t, file, "test", "enqueue,read,operate,numbers")
	p = systemtest.Start(t, append(env, "DYPLSQ_TOKENS="+file), append([]string{"serve", "--serve-listen", "127.0.0.1:0"}, args...)...)
	redistest.Poll(t, systemtest.StartWithin, "the API to listen", p.Wrote("serving the API"))
	return p, apiURL.FindStringSubmatch(p.Text())[1], token
}

// TestServe: a task is posted to one process, performed by another, and its outcome waited for.
func TestServe(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	s.Worker(t)
	p, url, token := apiServer(t, s.Env, "--metrics-listen", "127.0.0.1:0")
	auth := []string{"Authorization", "Bearer " + token, "Content-Type", "application/json"}
	body := `{"action":"BindAxn","id":"order-1","request":` + systemtest.Bind(1, "") + `}`
	status, text := systemtest.Do(t, http.MethodPost, url+"v1/tasks", body, auth...)
	if status != http.StatusAccepted {
		t.Fatalf("%d %s", status, text)
	}
	if status, text = systemtest.Do(t, http.MethodGet, url+"v1/tasks/order-1?wait=60s", "", auth...); status != http.StatusOK || !strings.Contains(text, `"state":"succeeded"`) {
		t.Errorf("%d %s", status, text)
	}
	if status, text = systemtest.Do(t, http.MethodGet, url+"v1/tasks/order-1", ""); status != http.StatusUnauthorized {
		t.Errorf("%d %s", status, text)
	}
	if r := systemtest.Run(t, s.Env, "", "result", "order-1", "--json"); !strings.Contains(r.Out, `"state":"succeeded"`) {
		t.Errorf("the command: %s%s", r.Out, r.Errors)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"healthz", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "evil.example"
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if _ = answer.Body.Close(); answer.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("another host: %d", answer.StatusCode)
	}
	metricsURL := regexp.MustCompile(`"url":"(http[^"]*/)metrics"`).FindStringSubmatch(p.Text())[1]
	status, text = systemtest.Get(t, metricsURL+"metrics")
	for _, line := range []string{
		`dyplsq_http_requests_total{route="/v1/tasks",status="202"} 1`, `dyplsq_http_requests_total{route="/v1/tasks/{id}",status="401"} 1`,
		`dyplsq_http_requests_total{route="other",status="421"} 1`, `dyplsq_http_requests_waiting 0`,
	} {
		if status != http.StatusOK || !strings.Contains(text, line) {
			t.Errorf("status %d, the metrics lack %s", status, line)
		}
	}
	for _, path := range []string{"healthz", "readyz"} {
		if status, text := systemtest.Get(t, metricsURL+path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	if status := p.Terminate(t, syscall.SIGTERM); status != statusOK {
		t.Errorf("exit status %d", status)
	}
	if strings.Contains(p.Text(), token) {
		t.Error("the log shows the token")
	}
	systemtest.NoNumbers(t, "the log", p.Text())
}

// TestServeDrains: who waits is answered when the server is told to end.
func TestServeDrains(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{}) // and no worker
	p, url, token := apiServer(t, s.Env)
	auth := []string{"Authorization", "Bearer " + token, "Content-Type", "application/json"}
	if status, text := systemtest.Do(t, http.MethodPost, url+"v1/tasks", `{"action":"BindAxn","id":"order-1","request":`+systemtest.Bind(1, "")+`}`, auth...); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, text)
	}
	var waiting sync.WaitGroup
	waiting.Go(func() {
		status, text := systemtest.Do(t, http.MethodGet, url+"v1/tasks/order-1?wait=60s", "", auth...)
		if status != http.StatusOK || !strings.Contains(text, `"state":"pending"`) {
			t.Errorf("%d %s", status, text)
		}
	})
	// a request that is over has its line: the wait, which comes later, has none until it ends
	client := s.Redis.Client(t)
	redistest.Poll(t, systemtest.StartWithin, "the request to wait", systemtest.Until(func() bool {
		n, err := client.PubSubNumSub(t.Context(), "dypls:finished").Result()
		return err == nil && n["dypls:finished"] > 0
	}))
	if status := p.Terminate(t, syscall.SIGTERM); status != statusOK {
		t.Errorf("exit status %d", status)
	}
	waiting.Wait()
}

// TestServeRefusesToStart: what would let strangers in, or nobody, is said at once.
func TestServeRefusesToStart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "tokens")
	secret := newTestToken(t, file, "test", "read")
	tests := map[string]struct {
		args []string
		says []string
	}{
		"no tokens":          {nil, []string{"--tokens (DYPLSQ_TOKENS)", "dyplsq token new"}},
		"no file":            {[]string{"--tokens", file + "x"}, []string{"--tokens", "cannot be read"}},
		"an empty file":      {[]string{"--tokens", systemtest.TempFile(t, "# none\n")}, []string{"has no token"}},
		"a broken file":      {[]string{"--tokens", systemtest.TempFile(t, "shop "+secret)}, []string{"line 1", "NAME SCOPES"}},
		"beyond loopback":    {[]string{"--tokens", file, "--serve-listen", "0.0.0.0:0"}, []string{"beyond loopback the API needs TLS"}},
		"no proxy's address": {[]string{"--tokens", file, "--serve-listen", "0.0.0.0:0", "--behind-proxy"}, []string{"--trusted-proxy"}},
		"a path as a host":   {[]string{"--tokens", file, "--host", "a/b"}, []string{"--host"}},
		"a bad certificate":  {[]string{"--tokens", file, "--tls-cert", file, "--tls-key", file}, []string{"cannot be used"}},
		"all of it":          {[]string{"--serve-listen", "0.0.0.0:0", "--host", "a/b"}, []string{"--tokens", "beyond loopback", "--host"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := systemtest.Run(t, systemtest.CleanEnv("REDIS_URL=redis://127.0.0.1:1/0"), "", append([]string{"serve"}, test.args...)...)
			if r.Status != statusUsage {
				t.Errorf("exit status %d, %s", r.Status, r.Errors)
			}
			for _, words := range test.says {
				if !strings.Contains(r.Errors, words) {
					t.Errorf("it does not say %q: %s", words, r.Errors)
				}
			}
			if strings.Contains(r.Errors, secret) {
				t.Errorf("it shows a token: %s", r.Errors)
			}
		})
	}
}

// TestTokenNew: many tokens that are made at once are all in the file, which nobody else may read.
func TestTokenNew(t *testing.T) {
	t.Parallel()
	const tokens = 8
	file := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(file, []byte("# ours"), 0o644); err != nil {
		t.Fatal(err)
	}
	var making sync.WaitGroup
	for range tokens {
		making.Go(func() { _ = newTestToken(t, file, "shop", "enqueue, read") })
	}
	making.Wait()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if lines := strings.Count(string(text), "\nshop enqueue,read sha256:"); lines != tokens || !strings.HasPrefix(string(text), "# ours\n") {
		t.Errorf("%d lines: %s", lines, text)
	}
	r := systemtest.Run(t, systemtest.CleanEnv(), "", "token", "new", "shop", "--scope", "read")
	if r.Status != statusOK || !strings.HasPrefix(r.Out, "dyplsq_") || !strings.Contains(r.Errors, "shop read sha256:") || strings.Contains(r.Errors, strings.TrimSpace(r.Out)) {
		t.Errorf("%d %s %s", r.Status, r.Out, r.Errors)
	}
	for name, args := range map[string][]string{
		"no scope": {"shop"}, "an unknown scope": {"shop", "--scope", "write"}, "a number": {"13812345678", "--scope", "read"}, "a broken file": {"shop", "--scope", "read", "--tokens", systemtest.TempFile(t, "x")},
	} {
		if r := systemtest.Run(t, systemtest.CleanEnv(), "", append([]string{"token", "new"}, args...)...); r.Status != statusUsage || r.Out != "" || strings.Contains(r.Errors, "12345678") {
			t.Errorf("%s: %d %s %s", name, r.Status, r.Out, r.Errors)
		}
	}
}

// TestDevServesTheAPI: the lines that dev prints work as they stand.
func TestDevServesTheAPI(t *testing.T) {
	t.Parallel()
	p := systemtest.Start(t, systemtest.CleanEnv(), "dev", "--listen", "127.0.0.1:0", "--serve-listen", "127.0.0.1:0")
	redistest.Poll(t, systemtest.StartWithin, "dev to be up", p.Wrote("v1/tasks/order-1?wait=30s"))
	line := regexp.MustCompile(`Authorization: (Bearer \S+)' -H 'Content-Type: application/json' (\S+) -d '([^']+)'`).FindStringSubmatch(p.Text())
	if status, text := systemtest.Do(t, http.MethodPost, line[2], line[3], "Authorization", line[1], "Content-Type", "application/json"); status != http.StatusAccepted {
		t.Fatalf("%d %s", status, text)
	}
	if status, text := systemtest.Do(t, http.MethodGet, line[2]+"/order-1?wait=60s", "", "Authorization", line[1]); status != http.StatusOK || !strings.Contains(text, `"state":"succeeded"`) {
		t.Errorf("%d %s", status, text)
	}
	if status := p.Terminate(t, syscall.SIGTERM); status != statusOK {
		t.Errorf("exit status %d", status)
	}
	if r := systemtest.Run(t, systemtest.CleanEnv(), "", "dev", "--serve-listen", "0.0.0.0:0"); r.Status != statusUsage || !strings.Contains(r.Errors, "--serve-listen") {
		t.Errorf("exit status %d, %s", r.Status, r.Errors)
	}
}
