package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/logtest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// pendingOf is how many deliveries wait in a queue and all its shards.
func pendingOf(t *testing.T, queue *tasks.Queue, name string) (n int64) {
	t.Helper()
	infos, err := queue.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range infos {
		if of, _ := dispatch.QueueOf(q.Queue); of == name {
			n += q.Pending
		}
	}
	return n
}

// enqueueBinds enqueues n binds in one batch, all for the same request.
func enqueueBinds(t *testing.T, queue *tasks.Queue, prefix string, n int) []string {
	t.Helper()
	return enqueueAll(t, queue, bindRequest(), prefix, n)
}

func enqueueAll(t *testing.T, queue *tasks.Queue, request dypls.BindAXNRequest, prefix string, n int) []string {
	t.Helper()
	items := make([]tasks.Item[dypls.BindAXNRequest], n)
	for i := range items {
		items[i] = tasks.Item[dypls.BindAXNRequest]{Request: request, Options: []tasks.Option{tasks.TaskID(fmt.Sprint(prefix, i))}}
	}
	ids, err := tasks.BindAXN.EnqueueAll(t.Context(), queue, items)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func awaitSuccess(t *testing.T, queue *tasks.Queue, ids []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), fullStackWithin)
	defer cancel()
	failed := 0
	if err := queue.WaitAll(ctx, ids, func(o tasks.Outcome) {
		if o.State != tasks.StateSucceeded || o.Calls != 1 {
			failed++
			t.Logf("%s is %s after %d calls: %s %s", o.ID, o.State, o.Calls, o.Code, o.Message)
		}
	}); err != nil || failed > 0 {
		t.Fatalf("%d did not succeed by one call: %v", failed, err)
	}
}

// TestAnotherNumberOfShards: tasks that were queued under another number are performed, once,
// whether the number was raised or lowered or whether producers and workers never agreed.
func TestAnotherNumberOfShards(t *testing.T) {
	t.Parallel()
	const each = 30
	tests := map[string]struct{ producer, worker int }{
		"raised": {2, 5}, "lowered": {5, 2}, "first sharded": {1, 4}, "sharded no longer": {4, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			api := dyplstest.Start(t, dyplstest.Config{Pools: []dyplstest.Pool{
				{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 3*each)},
			}})
			producer, log := queuetest.New(t, tasks.Config{Client: server.Client(t), Shards: test.producer}), &logtest.Log{}
			before := enqueueBinds(t, producer, "before-", each)
			later, err := queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), producer, bindRequest(), tasks.TaskID("later"), tasks.ProcessIn(time.Second)))
			if err != nil {
				t.Fatal(err)
			}
			w, err := New(Config{client: server.Client(t), Caller: callerOf(t, api), Logger: zerolog.New(log), Shards: test.worker})
			if err != nil {
				t.Fatal(err)
			}
			runUntilEnd(t, w, log)
			awaitSuccess(t, producer, append(before, later))
			awaitSuccess(t, producer, enqueueBinds(t, producer, "after-", each))
			if n := countPerformed(api); n != 2*each+1 {
				t.Errorf("%d calls for %d binds", n, 2*each+1)
			}
			if told := strings.Contains(log.String(), "serving an extra shard"); told != (test.worker < test.producer) {
				t.Errorf("told of such a queue: %v\n%s", told, log)
			}
			for queue, at := range w.Status().Polled {
				if at.IsZero() {
					t.Errorf("%s was never polled", queue)
				}
			}
		})
	}
}

// TestShardsShareTheSlots: over all shards no more is performed at once than in one queue.
func TestShardsShareTheSlots(t *testing.T) {
	t.Parallel()
	const binds = 60
	server := redistest.Start(t)
	api := dyplstest.Start(t, dyplstest.Config{Pools: []dyplstest.Pool{
		{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", binds)},
	}})
	queue, log := queuetest.New(t, tasks.Config{Client: server.Client(t), Shards: 5}), &logtest.Log{}
	caller := &gatedCaller{Caller: callerOf(t, api), gate: make(chan struct{})}
	w, err := New(Config{client: server.Client(t), Caller: caller, Logger: zerolog.New(log), Concurrency: 16, Shards: 5})
	if err != nil {
		t.Fatal(err)
	}
	calls := w.callsAtOnce["bind"]
	runUntilEnd(t, w, log)
	ids := enqueueBinds(t, queue, "k-", binds)
	redistest.Poll(t, outcomeWithin, "every slot to be taken", func(context.Context) error {
		if n := int(binds - pendingOf(t, queue, "bind")); n < performedAtOnce(calls) { //nolint:contextcheck // the test's own
			return fmt.Errorf("%d are performed", n)
		}
		return nil
	})
	for range 20 { // the servers go on asking
		// What is slow to begin counts no longer; six servers by themselves would have six times as
		// many.
		if n := int(binds - pendingOf(t, queue, "bind")); n > 2*performedAtOnce(calls) || int(caller.at.Load()) > calls {
			t.Fatalf("%d performed and %d called at once, of %d and %d", n, caller.at.Load(), performedAtOnce(calls), calls)
		}
	}
	close(caller.gate)
	awaitSuccess(t, queue, ids)
}

// TestPausedShards: a pause of a queue pauses all its shards, and resuming it lets all go on.
func TestPausedShards(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	api := dyplstest.Start(t, dyplstest.Config{})
	queue, log := queuetest.New(t, tasks.Config{Client: server.Client(t), Shards: 3}), &logtest.Log{}
	w, err := New(Config{client: server.Client(t), Caller: callerOf(t, api), Logger: zerolog.New(log), Shards: 3})
	if err != nil {
		t.Fatal(err)
	}
	runUntilEnd(t, w, log)
	redistest.Poll(t, outcomeWithin, "the worker", func(context.Context) error {
		if w.Status().Phase != Performing {
			return errors.New("not yet")
		}
		return nil
	})
	client := server.Client(t)
	unaware := queuetest.On(t, client) // which knows of no shards
	redistest.Poll(t, outcomeWithin, "the names", func(ctx context.Context) error {
		names, err := dispatch.Names(ctx, client, 1)
		if err != nil || !slices.Contains(names, "bind.2") {
			return fmt.Errorf("%q %w", names, err)
		}
		return nil
	})
	if err := unaware.Pause(t.Context(), "bind"); err != nil {
		t.Fatal(err)
	}
	ids := enqueueBinds(t, queue, "k-", 12)
	infos, err := queue.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range infos {
		if of, _ := dispatch.QueueOf(q.Queue); q.Paused != (of == "bind") || q.Queue == "bind" && q.Pending > 0 {
			t.Errorf("%+v", q)
		}
	}
	e, err := unaware.Explain(t.Context(), "k-0")
	if err != nil || e.Delivery.Queue != queuetest.Dispatcher(server.Client(t), 3).Place(t.Context(), "bind", "k-0") || !e.Delivery.Paused || e.Delivery.State != "pending" {
		t.Errorf("%+v, %v", e.Delivery, err)
	}
	if n := pendingOf(t, queue, "bind"); n != int64(len(ids)) {
		t.Errorf("%d pending of %d", n, len(ids))
	}
	if err := unaware.Resume(t.Context(), "bind"); err != nil {
		t.Fatal(err)
	}
	awaitSuccess(t, queue, ids)
}
