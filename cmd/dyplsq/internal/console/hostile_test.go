package console

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestHostileInput: what no page would send is refused, and comes back as text if at all.
func TestHostileInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	w.bind(7, "a/b:c@d", tasks.ProcessIn(time.Hour))
	p := w.as("eve", "en")
	const script = "%3Cscript%3Ealert(1)%3C/script%3E"
	for path, want := range map[string]int{
		"/console/tasks?size=101": 400, "/console/tasks?size=0": 400, "/console/tasks?size=x": 400, "/console/tasks?size=9999999999999999999": 400,
		"/console/tasks?cursor=x": 400, "/console/tasks?cursor=" + strings.Repeat("A", 600): 400, "/console/tasks?state=" + script: 400,
		"/console/tasks?since=-1h": 400, "/console/tasks?since=x": 400, "/console/tasks?action=Explode": 400, "/console/tasks?account=" + script: 400,
		"/console/tasks?q=" + script: 200, "/console/tasks?q=" + strings.Repeat("x", 600): 400, "/console/tasks?q=%00": 400, "/console/tasks?q=%ff": 400, "/console/tasks?%zz": 400,
		"/console/task?id=" + script: 400, "/console/task?id=none": 404, "/console/task": 400, "/console/task?id=a%2Fb:c@d": 200, "/console/task?id=../../etc": 404,
		"/console/confirm?id=a/b:c@d&do=" + script: 409, "/console/confirm?id=a/b:c@d&do=cancel": 200, "/console/uncertain?from=-1": 400, "/console/uncertain?from=99999999": 200,
		"/console/audit?cursor=" + script: 400, "/console/audit?target=" + script: 200, "/console/audit?size=1000": 400,
		"/console/none": 404, "/console/static/none.css": 404, "/console/static/": 400, "/console//tasks": 400, "/console/../api/queues": 400, "/console/tasks/": 400,
		"/console/language?to=" + script + "&back=//evil.example": 200, "/console": 200,
	} {
		status, page := p.get(path)
		if status != want {
			t.Errorf("%s: %d, want %d: %.400s", path, status, want, page)
		}
		if strings.Contains(page, "<script>") {
			t.Errorf("%s: the script comes back as one", path)
		}
	}
	if status, _ := p.do(http.MethodPut, "/console/task", ""); status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", status)
	}
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}} {
		if status, _ := p.do(http.MethodGet, "/console/tasks", "", headers...); status != http.StatusForbidden {
			t.Errorf("a page of another site asks for work: %d", status)
		}
	}
}

// TestPolicyOfAnswers: a page may run our own files alone, and nothing is kept of it.
func TestPolicyOfAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	for _, path := range []string{"/console/tasks", "/console/none", "/console/static/console.css"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("bob", password)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if got := response.Header.Get("Content-Security-Policy"); got != policy || strings.Contains(got, "unsafe") {
			t.Errorf("%s: %q", path, got)
		}
		for _, cookie := range response.Cookies() {
			if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != Root {
				t.Errorf("%s: the cookie %s", path, cookie)
			}
		}
		if keep := response.Header.Get("Cache-Control"); !strings.Contains(path, "static") && keep != "no-store" {
			t.Errorf("%s: %q", path, keep)
		}
	}
}

// TestSlowPageHoldsUpNoOther: requests for a page that does not come to an end take its own places,
// and end with whoever asked.
func TestSlowPageHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	began, let := make(chan struct{}, 100), make(chan struct{})
	ended := make(chan struct{}, 100)
	slow := w.console.serve(route{http.MethodGet, Root + "slow", "", usualAtOnce, false, func(r *request) (answer, error) {
		began <- struct{}{}
		defer func() { ended <- struct{}{} }()
		select {
		case <-let:
			return answer{to: Root}, nil
		case <-r.Context().Done():
			return answer{}, r.Context().Err()
		}
	}})
	defer close(let)
	ctx, leave := context.WithCancel(t.Context())
	for range usualAtOnce + 3 {
		go slow.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, Root+"slow", nil).WithContext(ctx))
	}
	for range usualAtOnce {
		<-began
	}
	p := w.as("bob", "en")
	p.shows("/console/tasks", "No tasks yet.")
	p.shows("/console/audit", "Nobody has changed anything yet")
	leave()
	for range usualAtOnce {
		select {
		case <-ended:
		case <-time.After(patience):
			t.Fatal("a request goes on although nobody waits for it")
		}
	}
}

// TestRedisAway: a page says so, within its time, and is there again with Redis.
func TestRedisAway(t *testing.T) {
	t.Parallel()
	noted := make(chan error, 10)
	w := newWorld(t, dyplstest.Config{}, func(c *Config) { c.Note = func(_ string, err error) { noted <- err } })
	p := w.as("bob", "zh")
	p.shows("/console/tasks", "还没有任务")
	w.redis.Kill()
	status, page := p.get("/console/tasks")
	if status != http.StatusServiceUnavailable || !strings.Contains(page, "Redis") {
		t.Errorf("%d %s", status, page)
	}
	if err := <-noted; err == nil {
		t.Error("nothing is noted")
	}
}
