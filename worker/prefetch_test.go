package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/breaker"
)

// TestSharedScriptsAreAcknowledged: scripts go out although asynq cancelled their context, also where they share a pipeline.
func TestSharedScriptsAreAcknowledged(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	if _, err := New(Config{Redis: client, Caller: panickyCaller{}, Logger: zerolog.Nop()}); err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	var acknowledging sync.WaitGroup
	for range 50 {
		acknowledging.Go(func() {
			if err := client.Eval(canceled, "return redis.call('INCR', KEYS[1])", []string{"done"}).Err(); err != nil {
				t.Errorf("a script: %v", err)
			}
		})
	}
	acknowledging.Wait()
	if n, err := client.Get(t.Context(), "done").Int(); n != 50 {
		t.Errorf("%d carried out, %v", n, err)
	}
	if err := client.HSet(canceled, "key", "f", "v").Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("another command: %v, want canceled", err)
	}
	late, cancel := context.WithTimeout(t.Context(), -1)
	defer cancel()
	if err := client.Eval(late, "return 1", nil).Err(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a script past its deadline: %v", err)
	}
}

// TestSharedScriptsPauseWhenAway: whoever asks again and again does not spin, and others are not held up by it.
func TestSharedScriptsPauseWhenAway(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client(t)
	if _, err := New(Config{Redis: client, Caller: panickyCaller{}, Logger: zerolog.Nop()}); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	started := time.Now()
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			for range 3 {
				_ = client.Eval(t.Context(), "return 1", nil).Err()
			}
		})
	}
	asking.Wait()
	if took := time.Since(started); took < 3*awayPause/2 {
		t.Errorf("3 tries one after the other took %s without Redis", took)
	}
}

// slowCaller holds every call until it is told to let go.
type slowCaller struct {
	cannedCaller

	called  chan struct{}
	release chan struct{}
}

// Call implements [dypls.Caller].
func (c slowCaller) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	c.called <- struct{}{}
	<-c.release
	return c.cannedCaller.Call(ctx, call)
}

// TestFetchedAheadNoMoreThanPerformed: while all calls of a queue are out, the rest of its tasks is left to other workers; and
// a worker that ends leaves no task behind that it has fetched.
func TestFetchedAheadNoMoreThanPerformed(t *testing.T) {
	t.Parallel()
	const queued, rounds = 200, 3
	server := redistest.Start(t)
	client := server.Client(t)
	items := make([]tasks.Item[dypls.BindAXNRequest], queued)
	for i := range items {
		items[i].Request = bindRequest()
	}
	queue := tasks.NewQueue(server.AppClient(t))
	ids, err := tasks.BindAXN.EnqueueAll(t.Context(), queue, items)
	if err != nil {
		t.Fatal(err)
	}
	k := asynqwire.Queue("bind")
	left := queued
	waiting := func() int { // what was performed and had to wait for its call is to be retried at once
		return int(client.LLen(t.Context(), k.Key(asynqwire.Pending)).Val() + client.ZCard(t.Context(), k.Key(asynqwire.Retry)).Val())
	}
	for range rounds {
		caller := slowCaller{called: make(chan struct{}, queued), release: make(chan struct{})}
		w, err := New(Config{Redis: server.AppClient(t), Caller: caller, Logger: zerolog.Nop(), Concurrency: 64, Fetchers: 2})
		if err != nil {
			t.Fatal(err)
		}
		w.timing.startCalls = breaker.MostCalls // none is answered
		slots := w.slots["bind"]
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = w.Run(ctx) })
		for range slots {
			<-caller.called
		}
		performed := performedAtOnce(slots)
		redistest.Poll(t, time.Minute, "as many to be fetched as are performed", func(ctx context.Context) error {
			if n := client.LLen(ctx, k.Key(asynqwire.Active)).Val(); n < int64(performed) {
				return fmt.Errorf("%d", n)
			}
			return nil
		})
		if active, waiting := client.LLen(ctx, k.Key(asynqwire.Active)).Val(), waiting(); active != int64(performed) || waiting != left-performed {
			t.Errorf("%d fetched, %d waiting, want %d and %d", active, waiting, performed, left-performed)
		}
		stop()
		close(caller.release)
		running.Wait()
		left = waiting()
		if active := client.LLen(t.Context(), k.Key(asynqwire.Active)).Val(); active != 0 {
			t.Errorf("%d tasks were left behind", active)
		}
		told, err := queue.Outcomes(t.Context(), ids...)
		if err != nil {
			t.Fatal(err)
		}
		states := map[string]int{}
		for _, o := range told {
			states[fmt.Sprint(o.State, " ", o.Calls)]++
		}
		if states["succeeded 1"] != queued-left || states["pending 0"] != left {
			t.Errorf("%v, with %d left", states, left)
		}
	}
}

// TestStockOfADeadWorker: what a worker had fetched ahead when it died is delivered again, once, by the reaper. Should it have
// stood still instead, it puts nothing back that is not its own any more.
func TestStockOfADeadWorker(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	ctx := t.Context()
	ids := []string{"a", "b", "c", "d", "e", "f", "g"}
	y.create(t, ids...)
	want := map[string]string{}
	for _, id := range ids {
		y.deliver(t, id)
		want[id+".2"] = asynqwire.Pending
	}
	k := asynqwire.Queue("bind")
	dequeue := redis.NewScript(`
		local id = redis.call('RPOPLPUSH', KEYS[1], KEYS[3])
		redis.call('HSET', ARGV[2] .. id, 'state', 'active')
		redis.call('ZADD', KEYS[4], ARGV[1], id)
		return redis.call('HGET', ARGV[2] .. id, 'msg')`)
	lapsed := time.Now().Add(-15 * time.Second).Unix()
	for range 4 { // as asynq does, by its keys; the client fetches 1, 2, and 4
		err := dequeue.Run(ctx, y.redis, []string{k.Key(asynqwire.Pending), k.Key(asynqwire.Paused), k.Key(asynqwire.Active), k.Key(asynqwire.Lease)}, lapsed, k.Task("")).Err()
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := y.client.LLen(ctx, k.Key(asynqwire.Active)).Val(); n != int64(len(ids)) {
		t.Fatalf("%d tasks were fetched, want %d", n, len(ids))
	}
	y.sweeps(t)
	y.wantDeliveries(t, want)
	if err := y.ahead.Close(ctx); err != nil {
		t.Fatal(err)
	}
	y.wantDeliveries(t, want)
	if n, m := y.client.LLen(ctx, k.Key(asynqwire.Active)).Val(), y.client.LLen(ctx, k.Key(asynqwire.Pending)).Val(); n != 0 || m != int64(len(ids)) {
		t.Errorf("%d active, %d pending", n, m)
	}
}
