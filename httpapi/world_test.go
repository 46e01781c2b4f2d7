package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

const within = 2 * time.Minute

// world is an API behind real HTTP, over a Redis and a simulator of its own.
type world struct {
	t     *testing.T
	redis *redistest.Server
	sim   *dyplstest.Server
	queue *tasks.Queue
	calls *calls.Store
	api   *API
	url   string
	log   *logtest.Log
	all   string // the secret of a token with every scope

	client *http.Client
}

// newWorld starts one without a worker: what is enqueued stays pending.
func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	return newWorldOn(t, dyplstest.Config{}, change...)
}

func newWorldOn(t *testing.T, simulated dyplstest.Config, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, redis: redistest.Start(t), log: &logtest.Log{}}
	w.sim = dyplstest.Start(t, simulated)
	var err error
	if w.queue, err = tasks.New(tasks.Config{Redis: w.redisConfig()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.queue.Close() })
	if w.calls, err = calls.New(calls.Config{Redis: w.redisConfig(), Logger: zerolog.New(w.log)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.calls.Close() })
	token, secret := newToken(t, "everything", Scopes()...)
	config := Config{Queue: w.queue, Calls: w.calls, Tokens: TokenList{token}, Logger: zerolog.New(w.log), asked: within}
	for _, f := range change {
		f(&config)
	}
	w.all = secret
	if w.api, err = New(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.api.Close() })
	server := httptest.NewServer(w.api)
	t.Cleanup(server.Close)
	w.url, w.client = server.URL, &http.Client{Transport: checked(t), Timeout: within}
	return w
}

func newToken(t *testing.T, name string, scopes ...Scope) (Token, string) {
	t.Helper()
	token, secret, err := NewToken(name, scopes, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return token, secret
}

// withoutRedis is for tests in which Redis goes away, so that requests end soon; not as soon as in
// service, as those that Redis answers are to have their time on a busy machine.
func withoutRedis(c *Config) { c.asked = 5 * asked }

// withTokens adds tokens to the one that may everything.
func withTokens(tokens ...Token) func(*Config) {
	return func(c *Config) {
		list, _ := c.Tokens.(TokenList)
		c.Tokens = slices.Concat(list, tokens)
	}
}

func (w *world) redisConfig() tasks.RedisConfig {
	return tasks.RedisConfig{
		URL: w.redis.URL(), CAFile: w.redis.CAFile, CertFile: w.redis.CertFile, KeyFile: w.redis.KeyFile, ServerName: w.redis.ServerName,
	}
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
	performs, err := worker.New(worker.Config{Redis: w.redisConfig(), Caller: client, Logger: zerolog.Nop()})
	if err != nil {
		w.t.Fatal(err)
	}
	w.start(performs.Run)
}

// start runs something until the test ends.
func (w *world) start(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := run(ctx); err != nil && ctx.Err() == nil {
			w.t.Error(err)
		}
	}()
	w.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// answer is what a request was answered.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// problem reads a problem.
func (a answer) problem(t *testing.T) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal([]byte(a.Body), &p); err != nil || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("no problem: %v, %d %s %s", err, a.Status, a.Header.Get("Content-Type"), a.Body)
	}
	return p
}

// kindOf is the kind of a problem.
func (a answer) kindOf(t *testing.T) string {
	t.Helper()
	return strings.TrimPrefix(a.problem(t).Type, problemBase)
}

// into reads a body.
func (a answer) into(t *testing.T, value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Body), value); err != nil {
		t.Fatalf("%v: %d %s", err, a.Status, a.Body)
	}
}

// do sends a request with the token that may everything. Headers are names and values in turn.
func (w *world) do(method, path, body string, headers ...string) answer {
	w.t.Helper()
	return w.as(w.all, method, path, body, headers...)
}

// as sends a request with a token; "" for none.
func (w *world) as(secret, method, path, body string, headers ...string) answer {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if secret != "" {
		request.Header.Set("Authorization", "Bearer "+secret)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i+1] == "" {
			request.Header.Del(headers[i])
			continue
		}
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := w.client.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

const (
	numberA = "13812345678"
	numberB = "15912345678"
)

// bind is a task that binds, with more members.
func bind(id, more string) string {
	return fmt.Sprintf(`{"action":"BindAxn","id":%q,"request":{"PoolKey":%q,"PhoneNoA":%q,"Expiration":"2099-01-31 23:59:59"}%s}`,
		id, dyplstest.DefaultPoolKey, numberA, more)
}

// enqueued posts a bind.
func (w *world) enqueued(id string) {
	w.t.Helper()
	if got := w.do(http.MethodPost, "/v1/tasks", bind(id, "")); got.Status != http.StatusAccepted {
		w.t.Fatalf("%d %s", got.Status, got.Body)
	}
}

// outcome is an outcome as a client reads it.
type outcome struct {
	ID        string          `json:"id"`
	Action    string          `json:"action"`
	State     string          `json:"state"`
	Code      string          `json:"code"`
	Result    json.RawMessage `json:"result"`
	RequestID string          `json:"request_id"`
}
