package worker

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/breaker"
)

// workerHarness is a worker between a real Redis and a simulator behind real HTTP.
type workerHarness struct {
	redis     *redis.Client
	queue     *tasks.Queue
	simulator *dyplstest.Simulator
	log       *logtest.Log
	caller    dypls.Caller // the simulator's
	worker    *Worker
	events    *events // what its trace was told; nil where none is set
}

const outcomeWithin = 2 * time.Minute

// quick is what the waits of a worker are in a test.
var quick = timing{
	claimLease: claimLease, reconcileAfter: 100 * time.Millisecond, verifyAgainAfter: 200 * time.Millisecond,
	probeFirst: 5 * time.Second, probeMost: 10 * time.Second, startCalls: breaker.MostCalls, undecryptableAgain: 100 * time.Millisecond,
}

func newWorkerHarness(t *testing.T, simulated dyplstest.Config, change func(*Config)) *workerHarness {
	t.Helper()
	return newTimedWorkerHarness(t, quick, simulated, change)
}

func newTimedWorkerHarness(t *testing.T, timing timing, simulated dyplstest.Config, change func(*Config)) *workerHarness {
	t.Helper()
	return newWorkerHarnessOn(t, redistest.Start(t), timing, simulated, change)
}

func newWorkerHarnessOn(t *testing.T, server *redistest.Server, timing timing, simulated dyplstest.Config, change func(*Config)) *workerHarness {
	t.Helper()
	api := dyplstest.Start(t, simulated)
	client := callerOf(t, api)
	s := &workerHarness{redis: server.Client(t), simulator: api.Simulator, log: &logtest.Log{}, caller: client}
	config := Config{client: server.AppClient(t), Caller: client, Logger: zerolog.New(s.log), Concurrency: 8, Fetchers: 1}
	if change != nil {
		change(&config)
	}
	s.queue = queuetest.New(t, tasks.Config{Client: server.AppClient(t), Keys: config.Keys})
	w, err := newTimed(config, timing)
	if err != nil {
		t.Fatal(err)
	}
	s.worker = w
	runUntilEnd(t, w, s.log)
	return s
}

// callerOf is a client of a simulator.
func callerOf(t *testing.T, api *dyplstest.Server) *aliyun.Client {
	t.Helper()
	client, err := aliyun.New(aliyun.Config{
		Endpoint: api.URL(), Credentials: aliyun.StaticCredentials(api.AccessKeyID, api.AccessKeySecret, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// runUntilEnd runs a worker until the test ends, whose log is shown where that failed.
func runUntilEnd(t *testing.T, w *Worker, log *logtest.Log) {
	t.Helper()
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
			t.Log(log.String())
		}
	})
}

// outcome waits for a task's outcome.
func (s *workerHarness) outcome(t *testing.T, id string) tasks.Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), outcomeWithin)
	defer cancel()
	o, err := s.queue.Wait(ctx, id)
	if err != nil {
		t.Fatalf("wait for %s: %v", id, err)
	}
	return o
}

// forget has the record of a bind be gone, as once it is kept no longer: its outcome was told, and
// its first delivery is over.
func (s *workerHarness) forget(t *testing.T, id string) {
	t.Helper()
	redistest.Poll(t, outcomeWithin, "the end of "+id+" to be told", func(ctx context.Context) error {
		left := s.redis.Exists(ctx, asynqwire.Queue("bind").Task(asynqwire.DeliveryID(id, 1))).Val()
		for _, shard := range s.redis.Keys(ctx, "dypls:open:*").Val() {
			if s.redis.ZScore(ctx, shard, id).Err() == nil {
				left++
			}
		}
		if left > 0 {
			return errors.New("not yet")
		}
		return nil
	})
	if err := s.redis.Del(t.Context(), record.Key(id)).Err(); err != nil {
		t.Fatal(err)
	}
}

// performed counts what the simulator really did.
func (s *workerHarness) performed(action string) int {
	n := 0
	for _, e := range s.simulator.Ledger() {
		if e.Performed && e.Action == action {
			n++
		}
	}
	return n
}

func bindRequest() dypls.BindAXNRequest {
	return dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "13900000001", Expiration: dypls.At(time.Now().Add(time.Hour)),
	}
}

func (s *workerHarness) bind(t *testing.T, id string) {
	t.Helper()
	if _, err := tasks.BindAXN.Enqueue(t.Context(), s.queue, bindRequest(), tasks.TaskID(id)); err != nil {
		t.Fatal(err)
	}
}

func (s *workerHarness) logged(t *testing.T, text string) {
	t.Helper()
	redistest.Poll(t, outcomeWithin, "the log to say "+text, func(context.Context) error {
		if !strings.Contains(s.log.String(), text) {
			return errors.New("not yet")
		}
		return nil
	})
}
