package callbacks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const (
	within              = 4 * time.Minute
	numberA dypls.Phone = "15012345671"
	numberX dypls.Phone = "17012345673"
)

// world is a Redis with a queue, whose tasks the test itself performs, and senders.
type world struct {
	t      *testing.T
	redis  *redistest.Server // nil for a cluster
	config tasks.RedisConfig
	client redis.UniversalClient
	queue  *tasks.Queue
	calls  *calls.Store
	log    *logtest.Log
}

func newWorld(t *testing.T, redisArgs ...string) *world {
	t.Helper()
	server := redistest.Start(t, redisArgs...)
	w := newWorldOn(t, server.Client(t), tasks.RedisConfig{
		URL: server.URL(), CAFile: server.CAFile, CertFile: server.CertFile, KeyFile: server.KeyFile, ServerName: server.ServerName,
	})
	w.redis = server
	return w
}

func newWorldOn(t *testing.T, client redis.UniversalClient, config tasks.RedisConfig) *world {
	t.Helper()
	w := &world{t: t, client: client, config: config, log: &logtest.Log{}}
	var err error
	if w.queue, err = tasks.New(tasks.Config{Redis: w.config}); err != nil {
		t.Fatal(err)
	}
	if w.calls, err = calls.New(calls.Config{Redis: w.config, Logger: zerolog.Nop(), Keep: setting.Longest}); err != nil { // calls of tests are of one day for ever
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = w.queue.Close(), w.calls.Close()
		for _, hidden := range []string{"12345671", "12345673", secretOne[6:], secretTwo[6:], "hush"} {
			if strings.Contains(w.log.String(), hidden) {
				t.Errorf("the log shows %s: %s", hidden, w.log)
			}
		}
	})
	return w
}

// sender makes one that is a thousand times as quick as it is in service, unless that is changed.
func (w *world) sender(endpoints []Endpoint, change ...func(*Config)) *Sender {
	w.t.Helper()
	c := Config{
		Queue: w.queue, Calls: w.calls, Redis: w.config, Endpoints: endpoints, Logger: zerolog.New(w.log), scale: 0.001,
	}
	for _, f := range change {
		f(&c)
	}
	s, err := New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = s.Close() })
	return s
}

// run runs a sender until the test ends, or until it is stopped.
func (w *world) run(s *Sender) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := s.Run(ctx); err != nil {
			w.t.Errorf("the sender ended: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	w.t.Cleanup(stop)
	return stop
}

// finish enqueues a bind and plays a worker that binds X.
func (w *world) finish(id string, options ...tasks.Option) {
	w.t.Helper()
	w.end(id, record.Ending{
		State: record.Succeeded, Code: "OK", Message: "OK", RequestID: "R-" + id, SubsID: "S-" + id,
		Result: []byte(`{"SubsId":"S-` + id + `","SecretNo":"` + string(numberX) + `","Extension":""}`),
	}, options...)
}

func (w *world) end(id string, e record.Ending, options ...tasks.Option) {
	w.t.Helper()
	request := dypls.BindAXNRequest{PoolKey: "FC1", PhoneNoA: numberA, PhoneNoX: numberX, Expiration: dypls.At(time.Now().Add(time.Hour))}
	if _, err := tasks.BindAXN.Enqueue(w.t.Context(), w.queue, request, append(options, tasks.TaskID(id))...); err != nil {
		w.t.Fatal(err)
	}
	records := record.NewStore(w.client)
	begun, err := records.Begin(w.t.Context(), record.Run{ID: id, Run: "run-" + id, Lease: time.Minute, MaxAttempts: 6, MaxCrashes: 3, Keep: time.Hour})
	if err != nil || begun.Verdict != record.Go {
		w.t.Fatalf("begin %s: %+v, %v", id, begun, err)
	}
	e.ID, e.Fence, e.Counts, e.Sent, e.Keep = id, begun.Fence, true, true, time.Hour
	if verdict, err := records.Finish(w.t.Context(), e); err != nil || verdict != record.Done {
		w.t.Fatalf("finish %s: %s, %v", id, verdict, err)
	}
}

// status waits until an endpoint stands as it should.
func (w *world) status(s *Sender, name string, want func(Status) bool) (found Status) {
	w.t.Helper()
	redistest.Poll(w.t, within, "endpoint "+name, func(ctx context.Context) error {
		all, err := s.Statuses(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(status Status) bool { return status.Endpoint == name })
		if i < 0 || !want(all[i]) {
			return fmt.Errorf("it stands at %+v", all)
		}
		found = all[i]
		return nil
	})
	return found
}

// told is a callback that a receiver got.
type told struct {
	id      string
	at      time.Time
	signed  bool
	headers http.Header
	body    string
	event   struct {
		Type      EventType
		Timestamp string
		Data      map[string]any
	}
}

// receiver is an application over HTTP that checks what it is told.
type receiver struct {
	t       *testing.T
	URL     string
	secrets []string
	ahead   time.Duration // of this receiver's clock

	mu     sync.Mutex
	all    []told
	answer func(w http.ResponseWriter, n int, c told) // n counts from 1; nil for 204
}

func newReceiver(t *testing.T, answer func(w http.ResponseWriter, n int, c told)) *receiver {
	t.Helper()
	r := &receiver{t: t, secrets: []string{secretOne}, answer: answer}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL + "/dyplsq?token=hush"
	return r
}

// ServeHTTP implements [http.Handler].
func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // cut off
	}
	c := told{id: request.Header.Get(HeaderID), at: time.Now(), body: string(body), headers: request.Header.Clone()}
	if request.Method != http.MethodPost || request.Header.Get("Content-Type") != "application/json" || request.URL.RawQuery != "token=hush" {
		r.t.Errorf("%s %s with %v", request.Method, request.URL, request.Header)
	}
	r.mu.Lock()
	c.signed = Verify(r.secrets, request.Header, body, time.Now().Add(r.ahead)) == nil
	if err := json.Unmarshal(body, &c.event); err != nil || !c.signed {
		r.t.Errorf("signed %t, %v: %s", c.signed, err, body)
	}
	r.all = append(r.all, c)
	n, answer := len(r.all), r.answer
	r.mu.Unlock()
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer(w, n, c)
}

// takes has callbacks answered with 204 from now on.
func (r *receiver) takes() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = nil
}

// got is what came so far.
func (r *receiver) got() []told {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// ids are those of the events that came, each once, by how often they did.
func (r *receiver) ids() map[string]int {
	times := map[string]int{}
	for _, c := range r.got() {
		times[c.id]++
	}
	return times
}

// waits until so many different events came.
func (r *receiver) waits(n int) []told {
	r.t.Helper()
	redistest.Poll(r.t, within, fmt.Sprintf("%d events", n), func(context.Context) error {
		if got := len(r.ids()); got < n {
			return fmt.Errorf("%d came", got)
		}
		return nil
	})
	return r.got()
}

func (r *receiver) endpoint(name string, change ...func(*Endpoint)) Endpoint {
	e := Endpoint{Name: name, URL: r.URL, Secrets: []string{secretOne}, AllowPrivate: true}
	for _, f := range change {
		f(&e)
	}
	return e
}

func status(code int) func(http.ResponseWriter, int, told) {
	return func(w http.ResponseWriter, _ int, _ told) { w.WriteHeader(code) }
}
