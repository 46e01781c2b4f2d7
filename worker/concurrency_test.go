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
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/breaker"
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
	call.Noted = time.Now() // however long the gate was closed
	return c.Caller.Call(ctx, call)
}

// gate starts a worker whose calls wait for the gate, with three times as many binds as it may call
// at once.
func gate(t *testing.T) (server *redistest.Server, caller *gatedCaller, w *Worker, stop func(), outcomes func() []tasks.Outcome) {
	t.Helper()
	const concurrency = 32
	server, api := redistest.Start(t), dyplstest.Start(t, dyplstest.Config{})
	caller = &gatedCaller{Caller: callerOf(t, api), gate: make(chan struct{})}
	queue := queuetest.On(t, server.AppClient(t))
	w, err := New(Config{
		client: server.AppClient(t), Caller: caller, Logger: zerolog.Nop(), Concurrency: concurrency, Fetchers: 1,
		QPS: map[string]float64{dypls.BindAXN.Action: 1000},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.timing.startCalls = breaker.MostCalls // none is answered before the gate opens
	ids := make([]string, 3*w.callsAtOnce["bind"])
	for i := range ids {
		request := bindRequest()
		request.PhoneNoA = dypls.Phone(fmt.Sprintf("139%08d", i))
		if ids[i], err = queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), queue, request)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = w.Run(ctx) })
	stop = func() {
		cancel()
		<-w.draining
	}
	t.Cleanup(running.Wait)
	t.Cleanup(cancel)
	return server, caller, w, stop, func() []tasks.Outcome {
		outcomes, err := queue.Outcomes(t.Context(), ids...)
		if err != nil {
			t.Fatal(err)
		}
		return outcomes
	}
}

// begun counts those that have used up an attempt.
func begun(outcomes []tasks.Outcome) (n int) {
	for _, o := range outcomes {
		if o.Attempts > 0 {
			n++
		}
	}
	return n
}

// TestCallsAtOnce: more tasks are performed than calls may be made at once, and those that wait for
// their call when the worker is told to end are not begun.
func TestCallsAtOnce(t *testing.T) {
	t.Parallel()
	server, caller, w, stop, outcomes := gate(t)
	calls := w.callsAtOnce["bind"]
	waiting := performedAtOnce(calls) - calls
	if waiting < 1 {
		t.Fatalf("%d calls leave nothing to wait", calls)
	}
	active := func() int64 { return server.Client(t).LLen(t.Context(), "asynq:{bind}:active").Val() }
	redistest.Poll(t, time.Minute, "every slot to be taken", func(context.Context) error {
		if caller.at.Load() < int64(calls) || active() < int64(calls+waiting) {
			return errors.New("not yet")
		}
		return nil
	})
	stop()
	redistest.Poll(t, time.Minute, "what waited to be given back", func(context.Context) error {
		if active() > int64(calls) || begun(outcomes()) > calls {
			return errors.New("not yet")
		}
		return nil
	})
	close(caller.gate)
	redistest.Poll(t, time.Minute, "the worker to end", func(context.Context) error {
		if active() > 0 {
			return errors.New("not yet")
		}
		return nil
	})
	if all := caller.all.Load(); all != int64(calls) {
		t.Errorf("%d calls were made, want %d", all, calls)
	}
	if n := begun(outcomes()); n != calls {
		t.Errorf("%d tasks were begun, want %d", n, calls)
	}
}

// TestTaskWithoutCallSlotGoesBackWithoutAttempt: a task that is ready while no call ends goes back
// without an attempt, and from then on a task has its call slot before its record is asked. What
// was given back is performed when calls are as short as before.
func TestTaskWithoutCallSlotGoesBackWithoutAttempt(t *testing.T) {
	t.Parallel()
	_, caller, w, _, outcomes := gate(t)
	calls := w.callsAtOnce["bind"]
	redistest.Poll(t, time.Minute, "who was ready to be given back", func(context.Context) error {
		if w.concurrency["bind"].took.Load() < int64(slowCallFrom) || begun(outcomes()) != calls {
			return errors.New("not yet")
		}
		return nil
	})
	if at := caller.all.Load(); at != int64(calls) {
		t.Errorf("%d calls were made while none ended, want %d", at, calls)
	}
	close(caller.gate)
	redistest.Poll(t, time.Minute, "all to succeed", func(context.Context) error {
		for _, o := range outcomes() {
			if o.State != tasks.StateSucceeded {
				return errors.New("not yet")
			}
		}
		return nil
	})
	for _, o := range outcomes() {
		if o.Attempts != 1 {
			t.Errorf("%s took %d attempts, want 1", o.ID, o.Attempts)
		}
	}
	if all := caller.all.Load(); all != int64(3*calls) {
		t.Errorf("%d calls were made, want %d", all, 3*calls)
	}
}
