package worker

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// manyWorkersHarness is several workers, each with a Redis client of its own, before one simulator
// behind real HTTP.
type manyWorkersHarness struct {
	server    *redistest.Server
	simulator *dyplstest.Server
	queue     *tasks.Queue
	workers   []*Worker
	log       *logtest.Log
}

func newManyWorkersHarness(t *testing.T, workers int, timing timing, simulated dyplstest.Config, change func(*Config)) *manyWorkersHarness {
	t.Helper()
	server := redistest.Start(t)
	f := &manyWorkersHarness{server: server, simulator: dyplstest.Start(t, simulated), queue: queuetest.On(t, server.AppClient(t)), log: &logtest.Log{}}
	t.Cleanup(func() { _ = f.queue.Close() })
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range workers {
		caller, err := aliyun.New(aliyun.Config{
			Endpoint: f.simulator.URL(), Credentials: aliyun.StaticCredentials(f.simulator.AccessKeyID, f.simulator.AccessKeySecret, ""),
		})
		if err != nil {
			t.Fatal(err)
		}
		config := Config{client: server.AppClient(t), Caller: caller, Logger: zerolog.New(f.log), Concurrency: 64}
		if change != nil {
			change(&config)
		}
		w, err := newTimed(config, timing)
		if err != nil {
			t.Fatal(err)
		}
		f.workers = append(f.workers, w)
		running.Go(func() {
			if err := w.Run(ctx); err != nil {
				t.Errorf("the worker ended: %v", err)
			}
		})
	}
	t.Cleanup(func() { stop(); running.Wait() })
	return f
}

func (f *manyWorkersHarness) bind(t *testing.T, n int) {
	t.Helper()
	expiration := dypls.At(time.Now().Add(time.Hour))
	requests := make([]dypls.BindAXNRequest, n)
	for i := range requests {
		requests[i] = dypls.BindAXNRequest{PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: dypls.Phone(strconv.Itoa(13900000000 + i)), Expiration: expiration}
	}
	for i, r := range requests {
		if _, err := tasks.BindAXN.Enqueue(t.Context(), f.queue, r, tasks.TaskID(fmt.Sprint("bind-", i))); err != nil {
			t.Fatal(err)
		}
	}
}

// calls returns when the calls of an action came, those that were throttled apart, in microseconds.
func (f *manyWorkersHarness) calls(action string) (answered, throttled []int64) {
	for _, e := range f.simulator.Ledger() {
		switch {
		case e.Action != action:
		case e.Code == "isv.FLOW_LIMIT" || e.Code == "Throttling.User":
			throttled = append(throttled, e.ReceivedAt.UnixMicro())
		default:
			answered = append(answered, e.ReceivedAt.UnixMicro())
		}
	}
	return answered, throttled
}
