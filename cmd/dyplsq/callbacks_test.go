package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/callbacks"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

const callbackSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// application is one that is told over HTTP.
type application struct {
	url string

	mu     sync.Mutex
	times  map[string]int // by webhook-id
	tasks  map[string]int // by id
	kinds  map[string]int
	status int
}

func newApplication(t *testing.T) *application {
	t.Helper()
	a := &application{times: map[string]int{}, tasks: map[string]int{}, kinds: map[string]int{}, status: http.StatusNoContent}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if err := callbacks.Verify([]string{callbackSecret}, r.Header, body, time.Now()); err != nil {
			t.Errorf("%v: %s", err, body)
		}
		var event struct {
			Type string
			Data struct{ ID string }
		}
		if err := json.Unmarshal(body, &event); err != nil {
			t.Errorf("%v: %s", err, body)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.times[r.Header.Get(callbacks.HeaderID)]++
		a.kinds[event.Type]++
		if a.status < http.StatusMultipleChoices && event.Data.ID != "" {
			a.tasks[event.Data.ID]++
		}
		w.WriteHeader(a.status)
	}))
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

func (a *application) answers(status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status = status
}

// told waits until the application has taken the outcomes of so many tasks.
func (a *application) told(t *testing.T, n int) {
	t.Helper()
	redistest.Poll(t, 2*systemtest.StartWithin, fmt.Sprintf("%d callbacks", n), func(context.Context) error {
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(a.tasks) < n {
			return fmt.Errorf("%d came", len(a.tasks))
		}
		return nil
	})
}

// callbacksFile writes a file of endpoints, by name and URL.
func callbacksFile(t *testing.T, file string, endpoints ...[2]string) {
	t.Helper()
	var all []map[string]any
	for _, e := range endpoints {
		all = append(all, map[string]any{"name": e[0], "url": e[1], "secrets": []string{callbackSecret}, "allow_private": true})
	}
	text, err := json.Marshal(map[string]any{"endpoints": all})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCallbacks: from an enqueue through a worker to an application, with a sender that is killed,
// and a file that changes.
func TestCallbacks(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{}, "--appendonly", "yes", "--appendfsync", "always")
	s.Worker(t)
	orders, late := newApplication(t), newApplication(t)
	file := filepath.Join(t.TempDir(), "callbacks.json")
	callbacksFile(t, file, [2]string{"orders", orders.url})
	env := append(slices.Clone(s.Env), "DYPLSQ_CALLBACKS="+file)
	p, _, _ := apiServer(t, env)
	const jobs = 60
	for i := range 3 {
		lines := ""
		for j := range jobs / 3 {
			lines += systemtest.Bind(i*jobs+j+1, fmt.Sprintf(`,"TaskID":"order-%d-%d"`, i, j)) + "\n"
		}
		s.EnqueueBatch(t, "BindAxn", lines)
		orders.told(t, i*jobs/3+1)
		p.Kill(t)
		p, _, _ = apiServer(t, env)
	}
	orders.told(t, jobs)

	callbacksFile(t, file, [2]string{"orders", orders.url}, [2]string{"late", late.url})
	redistest.Poll(t, systemtest.StartWithin, "the file to be read", p.Wrote("callbacks file read again"))
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(9000, ""), "--wait", "60s")
	late.told(t, 1)
	orders.told(t, jobs+1)

	for _, command := range []string{"pause", "resume"} {
		if r := systemtest.Run(t, env, "", command, "callback.late"); r.Status != statusOK {
			t.Errorf("%s: exit status %d, %s", command, r.Status, r.Errors)
		}
		if command == "resume" {
			break
		}
		s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(9002, `,"TaskID":"named","Callback":"late"`), "--wait", "60s")
		redistest.Poll(t, systemtest.StartWithin, "its callback to wait", func(context.Context) error {
			r := systemtest.Run(t, env, "", "queues") //nolint:contextcheck // the test's own
			if !strings.Contains(r.Out, `"queue":"callback.late","paused":true,"pending":1,`) {
				return fmt.Errorf("%s", r.Out)
			}
			return nil
		})
		late.told(t, 1)
	}
	late.told(t, 2)
	if r := systemtest.Run(t, env, "", "explain", "named", "--json"); !strings.Contains(r.Out, `"callback":"late"`) {
		t.Errorf("explain: %s%s", r.Out, r.Errors)
	}
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(9003, ""), "--id", "by-flag", "--callback", "late", "--wait", "60s")
	late.told(t, 3)
	s.Enqueue(t, statusUsage, "BindAxn", systemtest.Bind(9004, ""), "--callback", "a b")

	run := func(want int, args ...string) string {
		t.Helper()
		r := systemtest.Run(t, env, "", append([]string{"callbacks"}, args...)...)
		if r.Status != want || strings.Contains(r.Out+r.Errors, callbackSecret[6:]) {
			t.Errorf("callbacks %s: exit status %d, %s%s", args, r.Status, r.Out, r.Errors)
		}
		return r.Out + r.Errors
	}
	redistest.Poll(t, systemtest.StartWithin, "all to be delivered", func(context.Context) error {
		if out := run(statusOK, "list", "--json"); strings.Count(out, `"pending":0,"failing":0,"dead":0`) != 2 || !strings.Contains(out, `"delivered":3,`) {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
	if out := run(statusOK, "test", "orders"); !strings.Contains(out, "orders: 204 after") || orders.kinds["callback.test"] != 1 {
		t.Errorf("%s, and %v came", out, orders.kinds)
	}
	run(statusUsage, "test", "nobody")
	if out := run(statusOK, "replay", "late", "--since", "1h"); !strings.Contains(out, fmt.Sprintf("sent again: %d\n", jobs+3)) {
		t.Error(out)
	}
	late.told(t, jobs+3)

	orders.answers(http.StatusGone)
	s.Enqueue(t, statusOK, "BindAxn", systemtest.Bind(9001, ""), "--wait", "60s")
	redistest.Poll(t, systemtest.StartWithin, "it to be disabled", p.Wrote("callback endpoint disabled"))
	if out := run(statusOK, "list"); !strings.Contains(out, "disabled since") {
		t.Error(out)
	}
	if r := systemtest.Run(t, env, "", "doctor"); !strings.Contains(r.Out, "dyplsq callbacks enable orders") {
		t.Errorf("doctor: %s%s", r.Out, r.Errors)
	}
	run(statusFailed, "test", "orders")
	orders.answers(http.StatusOK)
	run(statusUsage, "enable", "nobody")
	run(statusOK, "enable", "orders")
	orders.told(t, jobs+2)
}

// TestCallbacksFileIsRefused: exit 2 with every problem, and no secret.
func TestCallbacksFileIsRefused(t *testing.T) {
	t.Parallel()
	file := systemtest.TempFile(t, `{"endpoints":[{"name":"a b","url":"http://user:hush@10.0.0.1/","secrets":["hush"]}]}`)
	env := systemtest.CleanEnv("REDIS_URL=redis://127.0.0.1:1/0", "DYPLSQ_CALLBACKS="+file)
	tokens := filepath.Join(t.TempDir(), "tokens")
	newTestToken(t, tokens, "test", "read")
	for _, args := range [][]string{{"serve", "--serve-listen", "127.0.0.1:0", "--tokens", tokens}, {"callbacks", "list"}} {
		r := systemtest.Run(t, env, "", args...)
		for _, want := range []string{"--callbacks: 5 problems", "endpoints[0].name", "endpoints[0].url must be https", "must not name a user", "a private network", "secrets[0]"} {
			if r.Status != statusUsage || !strings.Contains(r.Errors, want) || strings.Contains(r.Errors, "hush") {
				t.Errorf("%s: exit status %d, want %q: %s", args, r.Status, want, r.Errors)
			}
		}
	}
}

// TestDoctorReadsTokens: as serve does, without Redis.
func TestDoctorReadsTokens(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	good, open := filepath.Join(folder, "good"), filepath.Join(folder, "open")
	for _, file := range []string{good, open} {
		newTestToken(t, file, "test", "read")
	}
	if err := os.Chmod(open, 0o644); err != nil { //nolint:gosec // what the test is about
		t.Fatal(err)
	}
	for file, want := range map[string]struct {
		verdict doctor.Verdict
		found   string
	}{
		good:                               {doctor.OK, "1 tokens of the HTTP API"},
		open:                               {doctor.Warning, "others on this machine may read or write"},
		filepath.Join(folder, "nowhere"):   {doctor.Warning, "cannot be read"},
		systemtest.TempFile(t, "# none\n"): {doctor.Warning, "has no token"},
		systemtest.TempFile(t, "hush\n"):   {doctor.Warning, "cannot be read"},
	} {
		s := &systemtest.System{Env: systemtest.CleanEnv("REDIS_URL=redis://127.0.0.1:1/0", "DYPLSQ_TOKENS="+file)}
		f := diagnose(t, s, statusUnreachable)["tokens"]
		if f.Verdict != want.verdict || !strings.Contains(f.Found, want.found) || strings.Contains(f.Found, "hush") || (f.Remedy == "") != (want.verdict == doctor.OK) {
			t.Errorf("%s: %+v", file, f)
		}
	}
}
