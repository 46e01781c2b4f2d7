package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// gatedCaller lets calls through once its gate is open, and counts those at it.
type gatedCaller struct {
	dypls.Caller

	gate    chan struct{}
	at, all atomic.Int64
}

func (c *gatedCaller) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	c.at.Add(1)
	c.all.Add(1)
	defer c.at.Add(-1)
	<-c.gate
	return c.Caller.Call(ctx, call)
}

// TestCallsAtOnce: more tasks are performed than calls may be made at once, and those that wait for their call when the worker
// is told to end are not begun.
func TestCallsAtOnce(t *testing.T) {
	t.Parallel()
	const concurrency = 32
	server, api := redistest.Start(t), dyplstest.Start(t, dyplstest.Config{})
	caller := &gatedCaller{Caller: callerOf(t, api), gate: make(chan struct{})}
	queue := tasks.NewQueue(server.AppClient(t))
	t.Cleanup(func() { _ = queue.Close() })
	w, err := New(Config{
		Redis: server.AppClient(t), Caller: caller, Logger: zerolog.Nop(), Concurrency: concurrency, Fetchers: 1,
		QPS: map[string]float64{dypls.BindAXN.Action: 1000},
	})
	if err != nil {
		t.Fatal(err)
	}
	calls := w.slots["bind"]
	waiting := performedAtOnce(calls) - calls
	if waiting < 1 {
		t.Fatalf("%d calls leave nothing to wait", calls)
	}
	ids := make([]string, 3*calls)
	for i := range ids {
		request := bindRequest()
		request.PhoneNoA = dypls.Phone(fmt.Sprintf("139%08d", i))
		if ids[i], err = tasks.BindAXN.Enqueue(t.Context(), queue, request); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = w.Run(ctx) })
	t.Cleanup(running.Wait)
	t.Cleanup(stop)
	active := func() int64 { return server.Client(t).LLen(t.Context(), "asynq:{bind}:active").Val() }
	redistest.Poll(t, 30*time.Second, "every slot to be taken", func(context.Context) error {
		if caller.at.Load() < int64(calls) || active() < int64(calls+waiting) {
			return errors.New("not yet")
		}
		return nil
	})
	stop()
	<-w.draining
	redistest.Poll(t, 30*time.Second, "what waited to be given back", func(context.Context) error {
		if active() > int64(calls) {
			return errors.New("not yet")
		}
		return nil
	})
	close(caller.gate)
	running.Wait()
	if all := caller.all.Load(); all != int64(calls) {
		t.Errorf("%d calls were made, want %d", all, calls)
	}
	outcomes, err := queue.Outcomes(t.Context(), ids...)
	if err != nil {
		t.Fatal(err)
	}
	begun := 0
	for _, o := range outcomes {
		if o.Attempts > 0 {
			begun++
		}
	}
	if begun != calls {
		t.Errorf("%d tasks were begun, want %d", begun, calls)
	}
}
