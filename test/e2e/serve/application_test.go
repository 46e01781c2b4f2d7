package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/callbacks"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// application is a program in any language: all that it has is HTTP.
type application struct {
	url, token string
	client     *http.Client
}

func newApplication(t *testing.T, address, token string) *application {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	t.Cleanup(transport.CloseIdleConnections)
	return &application{"http://" + address, token, &http.Client{Transport: transport, Timeout: 10 * time.Second}}
}

// errAgain is that a request may have been lost, or is to come again.
var errAgain = errors.New("to be repeated")

// do sends one request. What a server that was killed, or has no Redis, does with it is errAgain.
func (a *application) do(ctx context.Context, method, path, key string, body []byte) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errAgain, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(response.Body)
	switch {
	case err != nil:
		return 0, nil, fmt.Errorf("%w: %w", errAgain, err)
	case response.StatusCode == http.StatusServiceUnavailable, response.StatusCode == http.StatusTooManyRequests:
		if response.Header.Get("Retry-After") == "" {
			return 0, nil, fmt.Errorf("%s without Retry-After: %s", response.Status, answer)
		}
		return 0, nil, fmt.Errorf("%w: %s", errAgain, response.Status)
	}
	return response.StatusCode, answer, nil
}

// until repeats a request for as long as it is to be repeated.
func (a *application) until(ctx context.Context, method, path, key string, body []byte) (status int, answer []byte, repeats int, err error) {
	for ; ; repeats++ {
		status, answer, err = a.do(ctx, method, path, key, body)
		if !errors.Is(err, errAgain) {
			return status, answer, repeats, err
		}
		const patience = 50 * time.Millisecond
		if pause(ctx, patience); ctx.Err() != nil {
			return 0, nil, repeats, fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// post has a bind queued, however often it takes.
func (a *application) post(ctx context.Context, i int) (repeats int, err error) {
	body := fmt.Sprintf(`{"action":"BindAxn","request":%s}`, systemtest.Bind(i, ""))
	status, answer, repeats, err := a.until(ctx, http.MethodPost, "/v1/tasks", idOf(i), []byte(body))
	if err == nil && status != http.StatusAccepted && status != http.StatusOK {
		err = fmt.Errorf("%s: %d: %s", idOf(i), status, answer)
	}
	return repeats, err
}

// outcome waits for the outcome of a task.
func (a *application) outcome(ctx context.Context, i int) (o tasks.Outcome, err error) {
	for {
		status, answer, _, err := a.until(ctx, http.MethodGet, "/v1/tasks/"+idOf(i)+"?wait=5s", "", nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%s: %d: %s", idOf(i), status, answer)
		}
		if err == nil {
			err = json.Unmarshal(answer, &o)
		}
		if err != nil || o.State != tasks.StatePending {
			return o, err
		}
	}
}

// posting is what many clients do at once.
type posting struct {
	posted, repeats atomic.Int64
	outcomes        []tasks.Outcome
	failed          []error
	over            chan struct{}
}

// postAll has clients post tasks, and wait for the outcome of each.
func (a *application) postAll(ctx context.Context, form storm) *posting {
	p := &posting{outcomes: make([]tasks.Outcome, form.tasks), over: make(chan struct{})}
	var next atomic.Int64
	var failing sync.Mutex
	var all sync.WaitGroup
	began := time.Now()
	for range clients {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < form.tasks; i = int(next.Add(1)) - 1 {
				pause(ctx, time.Until(began.Add(form.posting*time.Duration(i)/time.Duration(form.tasks))))
				n, err := a.post(ctx, i)
				p.repeats.Add(int64(n))
				p.posted.Add(1)
				if err == nil {
					p.outcomes[i], err = a.outcome(ctx, i)
				}
				if err != nil {
					failing.Lock()
					p.failed = append(p.failed, err)
					failing.Unlock()
					return
				}
			}
		})
	}
	go func() { all.Wait(); close(p.over) }()
	return p
}

func idOf(i int) string { return fmt.Sprintf("order-%d", i) }

// listener takes in callbacks, as Standard Webhooks says.
type listener struct {
	*httptest.Server

	mu       sync.Mutex
	received map[string]tasks.State // by the task
	events   map[string]string      // its task, by webhook-id
	twice    int
	refused  []error
}

func listen(t *testing.T, secrets ...string) *listener {
	t.Helper()
	l := &listener{received: map[string]tasks.State{}, events: map[string]string{}}
	l.Server = takeIn(t, secrets, l.take)
	return l
}

// takeIn serves callbacks: take is given each with its webhook-id, and what is
// wrong with its signature.
func takeIn(t *testing.T, secrets []string, take func(id string, body []byte, err error)) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = callbacks.Verify(secrets, r.Header, body, time.Now())
		}
		take(r.Header.Get(callbacks.HeaderID), body, err)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	return server
}

// holds compares what was told with outcomes.
func (l *listener) holds(t *testing.T, outcomes []tasks.Outcome) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, o := range outcomes {
		if o.ID != idOf(i) || o.State != tasks.StateSucceeded || l.received[o.ID] != o.State {
			t.Errorf("%s: %s, and its callback says %s: %s", idOf(i), o.State, l.received[idOf(i)], o.Code)
		}
	}
	for _, err := range l.refused {
		t.Error(err)
	}
}

func (l *listener) take(event string, body []byte, err error) {
	var told struct {
		Type string
		Data struct {
			ID    string
			State tasks.State
		}
	}
	if err == nil {
		err = json.Unmarshal(body, &told)
	}
	if err == nil && (told.Type != string(callbacks.TaskFinished) || told.Data.ID == "") {
		err = fmt.Errorf("not what was asked for: %s", body)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.refused = append(l.refused, err)
		return
	}
	if _, known := l.events[event]; known {
		l.twice++
	}
	l.events[event], l.received[told.Data.ID] = told.Data.ID, told.Data.State
}
