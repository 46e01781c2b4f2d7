package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker"
)

const (
	secret = "a-secret-of-the-test-0123"
	caller = dypls.Phone("13912345678")
	within = 2 * time.Minute
)

// world is all that a recording passes: the service, which pushes receipts of the calls that a test
// places, a receiver, a worker, and a directory.
type world struct {
	t     *testing.T
	redis *redistest.Server
	api   *dyplstest.Server
	calls *calls.Store
	queue *tasks.Queue
	root  string // of the store
	log   *logtest.Log
	subs  string // a binding of caller's

	receiver string // where receipts are pushed to

	mu   sync.Mutex
	ends map[Result]int
}

func newWorld(t *testing.T, config dyplstest.Config, change ...func(*calls.Config)) *world {
	t.Helper()
	w := &world{t: t, redis: redistest.Start(t), root: t.TempDir(), log: &logtest.Log{}, ends: map[Result]int{}}
	redis := tasks.RedisConfig{URL: w.redis.URL(), CAFile: w.redis.CAFile, CertFile: w.redis.CertFile, KeyFile: w.redis.KeyFile, ServerName: w.redis.ServerName}
	callConfig := calls.Config{Redis: redis, Logger: zerolog.New(w.log)}
	for _, f := range change {
		f(&callConfig)
	}
	var err error
	if w.calls, err = calls.New(callConfig); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.calls.Close() })
	handler, err := w.calls.Handler(calls.HandlerConfig{Secrets: []string{secret}, Deadline: within})
	if err != nil {
		t.Fatal(err)
	}
	receiver := httptest.NewServer(handler)
	t.Cleanup(receiver.Close)
	w.receiver = receiver.URL + "/receipts/" + secret + "/"
	all := dyplstest.PushAll(strings.TrimSuffix(w.receiver, "/"))
	for kind := range config.Receipts.Push {
		config.Receipts.Push[kind] = all[kind]
	}
	if config.Receipts.Push == nil {
		config.Receipts.Push = all
	}
	config.Receipts.AnswerWithin, config.Calls.Scale = time.Minute, 0.001
	w.api = dyplstest.Start(t, config)
	client, err := aliyun.New(aliyun.Config{Endpoint: w.api.URL(), Credentials: aliyun.StaticCredentials(w.api.AccessKeyID, w.api.AccessKeySecret, "")})
	if err != nil {
		t.Fatal(err)
	}
	bound, err := dypls.BindAXN.Call(t.Context(), client, dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: caller, Expiration: dypls.At(time.Now().Add(time.Hour)), OutID: "order-1", IsRecordingEnabled: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.subs = bound.SubsID
	if w.queue, err = tasks.New(tasks.Config{Redis: redis}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.queue.Close() })
	performs, err := worker.New(worker.Config{Redis: redis, Caller: client, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	w.start(performs.Run)
	w.start(w.calls.Run)
	return w
}

// start runs something until the test ends, or until it is stopped.
func (w *world) start(run func(context.Context) error) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := run(ctx); err != nil && ctx.Err() == nil {
			w.t.Error(err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	w.t.Cleanup(stop)
	return stop
}

// keep runs a keeper.
func (w *world) keep(change ...func(*Config)) (stop func()) {
	w.t.Helper()
	c := Config{
		Calls: w.calls, Queue: w.queue, Retry: 50 * time.Millisecond, Lease: 5 * time.Second, Spool: w.t.TempDir(),
		Logger: zerolog.New(w.log),
		Trace: Trace{Done: func(e End) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ends[e.Result]++
		}},
	}
	for _, f := range change {
		f(&c)
	}
	if c.Store == nil {
		store, err := Open("file://" + w.root)
		if err != nil {
			w.t.Fatal(err)
		}
		c.Store = store
	}
	k, err := New(c)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.start(k.Run)
}

// place places calls that are recorded.
func (w *world) place(n int) {
	w.t.Helper()
	for i := range n {
		if _, err := w.api.PlaceCall(dyplstest.Dial{SubsID: w.subs, Caller: caller, Recorded: new(true), Length: time.Duration(i+1) * time.Second}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// push pushes a receipt of a call again, and waits until it is merged.
func (w *world) push(id, kind string) {
	w.t.Helper()
	body := w.api.CallReceipts(id, dyplstest.ByHTTP)[kind]
	answer, err := http.Post(w.receiver+kind, "application/json", bytes.NewReader(append(append([]byte("["), body...), ']')))
	if err != nil {
		w.t.Fatal(err)
	}
	_ = answer.Body.Close()
	redistest.Poll(w.t, within, "the receipt to be merged", func(ctx context.Context) error {
		n, err := w.calls.Waiting(ctx)
		if err == nil && n > 0 {
			err = fmt.Errorf("%d wait", n)
		}
		return err
	})
}

// reach waits until the recordings of all calls are in a state.
func (w *world) reach(state calls.RecordingState) {
	w.t.Helper()
	redistest.Poll(w.t, within, "all recordings to be "+string(state), func(ctx context.Context) error {
		for _, placed := range w.api.Calls() {
			c, err := w.calls.Get(ctx, placed.CallID)
			if err != nil {
				return err
			}
			if c.Recording.State != state {
				return fmt.Errorf("%s is %s: %s", c.ID, c.Recording.State, c.Recording.Reason)
			}
		}
		return nil
	})
}

// counted waits until a result was told of so many times.
func (w *world) counted(result Result, n int) {
	w.t.Helper()
	redistest.Poll(w.t, within, "recordings that are "+string(result), func(context.Context) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.ends[result] < n {
			return fmt.Errorf("%d are", w.ends[result])
		}
		return nil
	})
}

// keptOnce checks that each call has its recording in the directory, once, as the service has it,
// with a note beside it, and nothing else is there.
func (w *world) keptOnce() {
	w.t.Helper()
	found, unfinished := systemtest.ArchivedFiles(w.t, w.root)
	if unfinished > 0 {
		w.t.Errorf("%d files are unfinished", unfinished)
	}
	for _, placed := range w.api.Calls() {
		want := placed.Recordings[0]
		c, err := w.calls.Get(w.t.Context(), placed.CallID)
		if err != nil {
			w.t.Fatal(err)
		}
		name := nameOf(c, "")
		if got := found[name+".mp3"]; got != want.SHA256 || c.Recording.SHA256 != got || c.Recording.Bytes != int64(want.Size) || c.Recording.KeptAt.IsZero() {
			w.t.Errorf("%s: the file has %s, the call %+v, the service %+v", name, got, c.Recording, want)
		}
		if c.Recording.Location != "file://"+w.root+"/"+name+".mp3" {
			w.t.Errorf("location %s", c.Recording.Location)
		}
		text, err := os.ReadFile(filepath.Join(w.root, name+".json"))
		var n note
		if err != nil || json.Unmarshal(text, &n) != nil || n.CallID != placed.CallID || n.SHA256 != want.SHA256 || n.TaskID != "order-1" || n.Duration != 0 && n.Duration < 1 || n.KeptAt == "" || n.File != placed.CallID+".mp3" {
			w.t.Errorf("%s: the note is %s, %v", name, text, err)
		}
		delete(found, name+".mp3")
		delete(found, name+".json")
	}
	if len(found) > 0 {
		w.t.Errorf("nobody needs %v", found)
	}
}

// answers is an HTTP server that answers one request after the other.
func answers(t *testing.T, all ...http.HandlerFunc) (url string, asked *[]string) {
	t.Helper()
	var mu sync.Mutex
	asked = new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n := len(*asked)
		*asked = append(*asked, r.Header.Get("Range"))
		mu.Unlock()
		all[min(n, len(all)-1)](w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/recording.mp3", asked
}
