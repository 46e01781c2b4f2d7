package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// event is one that a client received.
type event struct{ id, name, data string }

// follower is a client that follows events.
type follower struct {
	t        *testing.T
	response *http.Response
	lines    *bufio.Scanner
	close    context.CancelFunc
	last     string
}

// follow opens a stream with a token.
func (w *world) follow(secret string, headers ...string) *follower {
	w.t.Helper()
	return w.followAt(w.url, secret, headers...)
}

func (w *world) followAt(url, secret string, headers ...string) *follower {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	w.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/events", http.NoBody)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+secret)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := w.client.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		w.t.Fatalf("status %d", response.StatusCode)
	}
	f := &follower{t: w.t, response: response, lines: bufio.NewScanner(response.Body), close: cancel}
	if first, ok := f.next(); !ok || first.id == "" || first.name != "" { // where the stream begins
		w.t.Fatalf("%+v", first)
	}
	return f
}

// next is the next event; false where the stream has ended.
func (f *follower) next() (e event, more bool) {
	f.t.Helper()
	for f.lines.Scan() {
		field, value, _ := strings.Cut(f.lines.Text(), ": ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data = value
		case "":
			if e.id != "" {
				f.last = e.id
				f.check(e)
				return e, true
			}
		}
	}
	return e, false
}

// check holds an event against the document.
func (f *follower) check(e event) {
	f.t.Helper()
	schema := map[string]string{eventFinished: "Outcome", eventEnded: "Call", eventKept: "Call"}[e.name]
	if e.name == "" {
		return
	}
	if err := checkSchema(schema, []byte(e.data)); err != nil {
		f.t.Errorf("%s: %v", e.name, err)
	}
}

// canceled makes an outcome.
func (w *world) canceled(id string) {
	w.t.Helper()
	w.enqueued(id)
	if got := w.do(http.MethodDelete, "/v1/tasks/"+id, ""); got.Status != http.StatusOK {
		w.t.Fatalf("%d %s", got.Status, got.Body)
	}
}

// want reads an event of a task.
func (f *follower) want(id string) {
	f.t.Helper()
	if e, _ := f.next(); e.name != eventFinished || !strings.Contains(e.data, `"id":"`+id+`"`) {
		f.t.Fatalf("%+v, want %s", e, id)
	}
}

// TestEvents: who follows is told of each outcome, and goes on where it
// was, on another server, too.
func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.canceled("before")
	f := w.follow(w.all)
	start := f.last
	for i := range 3 {
		w.canceled(fmt.Sprint("task-", i))
		f.want(fmt.Sprint("task-", i))
	}
	f.close()
	w.canceled("missed")
	other, err := New(Config{Queue: w.queue, Calls: w.calls, Tokens: w.api.tokens})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(other)
	t.Cleanup(server.Close)
	t.Cleanup(func() { _ = other.Close() })
	g := w.followAt(server.URL, w.all, headerLast, f.last)
	g.want("missed")
	w.canceled("now")
	g.want("now")
	again := w.follow(w.all, headerLast, start)
	for _, id := range []string{"task-0", "task-1", "task-2", "missed", "now"} {
		again.want(id)
	}
	if got := w.do(http.MethodGet, "/v1/events?after=x", ""); got.kindOf(t) != "invalid" {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if got := w.do(http.MethodHead, "/v1/events", ""); got.Status != http.StatusOK || got.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%d %v", got.Status, got.Header)
	}
	other.Drain()
	if e, more := g.next(); more {
		t.Errorf("it goes on after the server drained: %+v", e)
	}
	redistest.Poll(t, within, "the streams to be closed", systemtest.Until(func() bool { return other.waits.open() == 0 }))
}

// TestEventsFromTheFirst: all that is kept can be read, and the clients of a server share what one
// read brings.
func TestEventsFromTheFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const tasks, clients = 30, 5
	ids := make([]string, tasks)
	for i := range ids {
		ids[i] = fmt.Sprintf(`{"action":"BindAxn","id":"task-%d","in":"1h","request":{"PoolKey":"FC100000000001","PhoneNoA":%q,"Expiration":"2099-01-31 23:59:59"}}`, i, numberA)
	}
	if got := w.do(http.MethodPost, "/v1/tasks:batch", batchOf(ids...)); got.Status != http.StatusAccepted {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	cancel := func(from, to int) {
		for i := from; i < to; i++ {
			if got := w.do(http.MethodDelete, fmt.Sprintf("/v1/tasks/task-%d", i), ""); got.Status != http.StatusOK {
				t.Fatalf("%d %s", got.Status, got.Body)
			}
		}
	}
	cancel(0, tasks/2)
	followers := make([]*follower, clients)
	for i := range followers {
		followers[i] = w.follow(w.all, headerLast, position{}.String())
	}
	cancel(tasks/2, tasks)
	for _, f := range followers {
		for i := range tasks {
			f.want(fmt.Sprint("task-", i))
		}
		f.close()
	}
	redistest.Poll(t, within, "the feed to end", systemtest.Until(func() bool {
		w.api.outcomesFeed.mu.Lock()
		defer w.api.outcomesFeed.mu.Unlock()
		return w.api.outcomesFeed.users == 0 && w.api.waits.open() == 0
	}))
}

// TestEventsOutliveRedis: a stream stays open while Redis is away, and goes on.
func TestEventsOutliveRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withoutRedis)
	w.canceled("before")
	f := w.follow(w.all, headerLast, position{}.String())
	f.want("before")
	w.redis.Kill()
	if got := w.do(http.MethodGet, "/v1/tasks/before", ""); got.Status != http.StatusServiceUnavailable {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	w.redis.Restart(t)
	redistest.Poll(t, within, "Redis", systemtest.Until(func() bool { return w.do(http.MethodGet, "/readyz", "").Status == http.StatusOK }))
	w.canceled("after")
	f.want("after")
}

// TestEventsOfCalls: a call is told of when it has ended, and again when its recording is kept,
// each once, however many receipts change it; numbers are masked.
func TestEventsOfCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(w.calls.Run)
	const secret = "a-secret-of-the-test-0123"
	handler, err := w.calls.Handler(calls.HandlerConfig{Secrets: []string{secret}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	push := func(kind, body string) {
		t.Helper()
		redistest.Poll(t, within, "the push to be stored", func(context.Context) error {
			answer, err := http.Post(server.URL+"/receipts/"+secret+"/"+kind, "text/plain", strings.NewReader(body))
			if err != nil {
				return err
			}
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				return errors.New(answer.Status)
			}
			return nil
		})
	}
	f := w.follow(w.all)
	now := time.Now().UnixMilli()
	push("SecretReport", fmt.Sprintf(`[{"call_id":"c1","pool_key":"FC1","out_id":"order-1","sub_id":7,"phone_no":%q,"secret_no":"17012345678","peer_no":%q,"call_time":%d,"start_time":%d,"release_time":%d,"release_cause":16}]`,
		numberA, numberB, now-60_000, now-50_000, now))
	e, _ := f.next()
	if e.name != eventEnded || !strings.Contains(e.data, `"call_id":"c1"`) || strings.Contains(e.data, "12345678") {
		t.Errorf("%+v", e)
	}
	push("SecretRecording", `[{"call_id":"c1"}]`)
	push("SecretReport", fmt.Sprintf(`[{"call_id":"c2","pool_key":"FC1","call_time":%d,"start_time":%d,"release_time":%d}]`, now-60_000, now-50_000, now))
	if e, _ = f.next(); e.name != eventEnded || !strings.Contains(e.data, `"call_id":"c2"`) {
		t.Errorf("%+v", e)
	}
	for _, path := range []string{"/v1/calls", "/v1/calls?task=order-1", "/v1/calls?binding=7", "/v1/calls?recording=announced,kept&since=24h", "/v1/calls?recording=missing", "/v1/calls/c1"} {
		got := w.do(http.MethodGet, path, "")
		if got.Status != http.StatusOK || !strings.Contains(got.Body, `"call_id":"c1"`) || strings.Contains(got.Body, "12345678") {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	var page struct {
		Calls []struct{} `json:"calls"`
		Next  string     `json:"next"`
	}
	seen := 0
	for cursor := ""; ; cursor = page.Next {
		page.Next = ""
		got := w.do(http.MethodGet, "/v1/calls?limit=1&cursor="+cursor, "")
		got.into(t, &page)
		if seen += len(page.Calls); page.Next == "" {
			break
		}
	}
	if seen != 2 {
		t.Errorf("%d calls in pages", seen)
	}
}

// TestEventsEndWithTheToken: who is locked out hears no more.
func TestEventsEndWithTheToken(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens")
	token, secret := newToken(t, "shop", ScopeRead)
	if err := os.WriteFile(path, []byte(token.Line()), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := OpenTokens(path, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *Config) { c.Tokens = file })
	f := w.follow(secret)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if e, more := f.next(); more {
		t.Errorf("%+v", e)
	}
}
