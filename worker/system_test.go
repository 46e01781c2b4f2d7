package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// system is a worker between a real Redis and a simulator behind real HTTP.
type system struct {
	redis     *redis.Client
	queue     *tasks.Queue
	simulator *dyplstest.Simulator
	log       *lockedBuffer
	caller    dypls.Caller // the simulator's
}

const outcomeWithin = 60 * time.Second

// quick is what the waits of a worker are in a test.
var quick = timing{claimLease: claimLease, lookAfter: 100 * time.Millisecond, lookAgainAfter: 200 * time.Millisecond}

func newSystem(t *testing.T, simulated dyplstest.Config, change func(*Config)) *system {
	t.Helper()
	return newTimedSystem(t, quick, simulated, change)
}

func newTimedSystem(t *testing.T, timing timing, simulated dyplstest.Config, change func(*Config)) *system {
	t.Helper()
	server := redistest.Start(t)
	api := dyplstest.Start(t, simulated)
	client, err := aliyun.New(aliyun.Config{
		Endpoint: api.URL(), Credentials: aliyun.StaticCredentials(api.AccessKeyID, api.AccessKeySecret, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &system{redis: server.Client(t), queue: tasks.NewQueue(server.Client(t)), simulator: api.Simulator, log: &lockedBuffer{}, caller: client}
	t.Cleanup(func() { _ = s.queue.Close() })
	config := Config{Redis: server.Client(t), Caller: client, Logger: zerolog.New(s.log), Concurrency: 8, Fetchers: 1}
	if change != nil {
		change(&config)
	}
	w, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	w.timing = timing
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Errorf("the worker ended: %v", err)
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	return s
}

// outcome waits for a task's outcome.
func (s *system) outcome(t *testing.T, id string) tasks.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), outcomeWithin)
	defer cancel()
	o, err := s.queue.Wait(ctx, id)
	if err != nil {
		t.Fatalf("wait for %s: %v", id, err)
	}
	return o
}

// performed counts what the simulator really did.
func (s *system) performed(action string) int {
	n := 0
	for _, e := range s.simulator.Ledger() {
		if e.Performed && e.Action == action {
			n++
		}
	}
	return n
}

// calls counts what arrived at the simulator.
func (s *system) calls(action string) int {
	n := 0
	for _, e := range s.simulator.Ledger() {
		if e.Action == action {
			n++
		}
	}
	return n
}

// told checks an outcome: what the owner is told, and how often the API was really asked.
func (s *system) told(t *testing.T, id string, want told) tasks.Outcome {
	t.Helper()
	o := s.outcome(t, id)
	looks := s.calls("QuerySubsId")
	if want.looks < 0 {
		looks = want.looks
	}
	got := told{o.State, o.Code, o.Calls, s.performed(o.Action), looks}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(told{})); diff != "" {
		t.Errorf("%s (-want +got):\n%s%s", id, diff, o.Message)
	}
	if n := s.calls(o.Action); n != o.Calls {
		t.Errorf("%s: told %d calls, %d arrived", id, o.Calls, n)
	}
	return o
}

// told is an outcome. One action is called for one task in the tests that use it.
type told struct {
	state     tasks.State
	code      string
	calls     int // that the outcome tells, and that arrived
	performed int
	looks     int // -1 for any number
}

// bindings returns the SubsIds of what is bound, and fails the test where the outcome's is not among them.
func (s *system) bindings(t *testing.T, o tasks.Outcome) []string {
	t.Helper()
	var binding dypls.Binding
	if err := json.Unmarshal(o.Result, &binding); err != nil {
		t.Fatalf("result %s: %v", o.Result, err)
	}
	var ids []string
	for _, b := range s.simulator.Bindings() {
		ids = append(ids, b.SubsID)
		if b.SubsID == binding.SubsID && b.PhoneNoX != binding.SecretNo {
			t.Errorf("told X %q, bound is %q", string(binding.SecretNo), string(b.PhoneNoX))
		}
	}
	if !slices.Contains(ids, binding.SubsID) {
		t.Errorf("told %s, bound are %v", binding.SubsID, ids)
	}
	return ids
}

func bindRequest(number int) dypls.BindAXNRequest {
	return dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: dypls.Phone(fmt.Sprintf("139%08d", number)), Expiration: dypls.At(time.Now().Add(time.Hour)),
	}
}

// x is a number of the simulator's pool.
const x dypls.Phone = "17000000007"

// named is a bind that names its X, so that its effect can be looked up.
func named() dypls.BindAXNRequest {
	request := bindRequest(1)
	request.PhoneNoX = x
	return request
}

// occupy binds x to a stranger, and returns the SubsId.
func (s *system) occupy(t *testing.T) string {
	t.Helper()
	b, err := dypls.BindAXG.Call(t.Context(), s.caller, dypls.BindAXGRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "13900000099", PhoneNoX: x, GroupID: "1", Expiration: dypls.At(time.Now().Add(time.Hour)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.SubsID
}

func (s *system) bindNamed(t *testing.T, options ...tasks.Option) {
	t.Helper()
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, named(), append(options, tasks.TaskID("k"))...); err != nil {
		t.Fatal(err)
	}
}

func (s *system) bind(t *testing.T, id string) {
	t.Helper()
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, bindRequest(1), tasks.TaskID(id)); err != nil {
		t.Fatal(err)
	}
}

func (s *system) logged(t *testing.T, text string) {
	t.Helper()
	redistest.Poll(t, outcomeWithin, "the log to say "+text, func(context.Context) error {
		if !strings.Contains(s.log.String(), text) {
			return errors.New("not yet")
		}
		return nil
	})
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements [io.Writer].
func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns what was written.
func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
