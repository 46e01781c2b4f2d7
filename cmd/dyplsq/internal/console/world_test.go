package console

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/crypto/bcrypt"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

const (
	patience = 2 * time.Minute
	password = "correct horse"
)

// world is a console behind the dashboard's door, over real HTTP, with a Redis and a simulator of
// its own.
type world struct {
	t       *testing.T
	redis   *redistest.Server
	sim     *dyplstest.Server
	queue   *tasks.Queue
	audit   *audit.Log
	console *Console
	url     string
}

// newWorld starts one in which ann may operate, eve may everything, and bob may see.
func newWorld(t *testing.T, simulated dyplstest.Config, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, redis: redistest.Start(t), sim: dyplstest.Start(t, simulated)}
	client := w.redis.Client(t)
	var err error
	if w.queue, err = tasks.New(tasks.Config{Client: client}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.queue.Close() })
	store, err := calls.New(calls.Config{Redis: tasks.RedisConfig{URL: w.redis.URL(), CAFile: w.redis.CAFile, CertFile: w.redis.CertFile, KeyFile: w.redis.KeyFile, ServerName: w.redis.ServerName}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w.audit = audit.New(client)
	config := Config{Queue: w.queue, Calls: store, Audit: w.audit, Redis: client, AllowActions: true}
	for _, f := range change {
		f(&config)
	}
	if w.console, err = New(config); err != nil {
		t.Fatal(err)
	}
	site, err := dashboard.New(dashboard.Config{Redis: w.redis.Client(t), AllowActions: true, Console: w.console, Door: dashboard.Door{Passwords: users(t)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = site.Close() })
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func users(t *testing.T) *dashboard.Passwords {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "htpasswd")
	lines := fmt.Sprintf("ann:%[1]s\neve:%[1]s:see,operate,numbers,listen\nbob:%[1]s:see\n", hash)
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := dashboard.ReadPasswords(file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// work runs a worker until the test ends.
func (w *world) work() {
	w.t.Helper()
	client, err := aliyun.New(aliyun.Config{
		Endpoint: w.sim.URL(), Credentials: aliyun.StaticCredentials(w.sim.AccessKeyID, w.sim.AccessKeySecret, ""),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	performs, err := worker.New(worker.Config{Redis: tasks.RedisConfig{URL: w.redis.URL(), CAFile: w.redis.CAFile, CertFile: w.redis.CertFile, KeyFile: w.redis.KeyFile, ServerName: w.redis.ServerName}, Caller: client, Logger: zerolog.Nop()})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := performs.Run(ctx); err != nil && ctx.Err() == nil {
			w.t.Error(err)
		}
	}()
	w.t.Cleanup(func() { cancel(); <-ended })
}

// bind enqueues a bind of the n-th A.
func (w *world) bind(n int, id string, options ...tasks.Option) {
	w.t.Helper()
	_, err := tasks.BindAXN.Enqueue(w.t.Context(), w.queue, dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: dypls.Phone(fmt.Sprintf("139%08d", n)), Expiration: dypls.At(time.Now().Add(100 * time.Hour)),
	}, append(options, tasks.TaskID(id))...)
	if err != nil {
		w.t.Fatal(err)
	}
}

// becomes waits until a task is in a state, and is listed by it, which is a moment later.
func (w *world) becomes(id, state string) {
	w.t.Helper()
	redistest.Poll(w.t, patience, id+" to be "+state, func(ctx context.Context) error {
		view, err := w.queue.View(ctx, id)
		if err == nil && view.State != state {
			err = fmt.Errorf("it is %s: %s", view.State, view.Code)
		}
		if err != nil {
			return err
		}
		listed, _, err := w.queue.List(ctx, tasks.Filter{States: []tasks.State{tasks.State(state)}})
		if err == nil && !slices.ContainsFunc(listed, func(v tasks.View) bool { return v.ID == id }) {
			err = errors.New("it is not listed")
		}
		return err
	})
}

// person is somebody with a browser: it keeps cookies, and follows where it is led.
type person struct {
	*world

	user, language string
	client         *http.Client
}

func (w *world) as(user, language string) *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return &person{w, user, language, &http.Client{Jar: jar, Timeout: patience}}
}

var phone = regexp.MustCompile(`\b1(39|70)\d{8}\b`)

// get opens a page.
func (p *person) get(path string) (status int, text string) {
	p.t.Helper()
	return p.do(http.MethodGet, path, "")
}

// post sends a form, with a token of the page that has it.
func (p *person) post(from, path string, fields ...string) (status int, text string) {
	p.t.Helper()
	_, page := p.get(from)
	form := url.Values{tokenField: {tokenOf(page)}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return p.do(http.MethodPost, path, form.Encode())
}

var tokenInput = regexp.MustCompile(`name="token" value="([^"]+)"`)

func tokenOf(page string) string {
	if m := tokenInput.FindStringSubmatch(page); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

func (p *person) do(method, path, body string, headers ...string) (status int, text string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.SetBasicAuth(p.user, password)
	r.Header.Set("Accept-Language", p.language)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

// shows fails unless a page is there, holds the texts, and holds no number.
func (p *person) shows(path string, texts ...string) string {
	p.t.Helper()
	status, page := p.get(path)
	if status != http.StatusOK {
		p.t.Fatalf("%s: %d %s", path, status, page)
	}
	p.holds(path, page, texts...)
	return page
}

func (p *person) holds(what, page string, texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, html.EscapeString(text)) {
			p.t.Errorf("%s does not show %q:\n%s", what, text, page)
		}
	}
	if number := phone.FindString(page); number != "" {
		p.t.Errorf("%s shows the number %s", what, number)
	}
	if strings.Contains(page, "ZgotmplZ") || strings.Contains(page, "&lt;nil&gt;") {
		p.t.Errorf("%s shows what is broken:\n%s", what, page)
	}
}
