package worker

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/breaker"
)

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

// TestFetchedAheadNoMoreThanPerformed: while all calls of a queue are out, the rest of its tasks is
// left to other workers; and a worker that ends leaves no task behind that it has fetched.
func TestFetchedAheadNoMoreThanPerformed(t *testing.T) {
	t.Parallel()
	const queued, rounds = 200, 3
	server := redistest.Start(t)
	client := server.Client(t)
	items := make([]tasks.Item[dypls.BindAXNRequest], queued)
	for i := range items {
		items[i].Request = bindRequest()
	}
	queue := queuetest.On(t, server.AppClient(t))
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
		w, err := New(Config{client: server.AppClient(t), Caller: caller, Logger: zerolog.Nop(), Concurrency: 64, Fetchers: 2})
		if err != nil {
			t.Fatal(err)
		}
		w.timing.startCalls = breaker.MostCalls // none is answered
		slots := w.callsAtOnce["bind"]
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = w.Run(ctx) })
		for range slots {
			<-caller.called
		}
		performed := performedAtOnce(slots)
		redistest.Poll(t, time.Minute, "as many to be fetched as are performed", func(ctx context.Context) error {
			var active, pending, retried *redis.IntCmd
			_, err := client.TxPipelined(ctx, func(p redis.Pipeliner) error {
				active, pending = p.LLen(ctx, k.Key(asynqwire.Active)), p.LLen(ctx, k.Key(asynqwire.Pending))
				retried = p.ZCard(ctx, k.Key(asynqwire.Retry))
				return nil
			})
			waiting := int(pending.Val() + retried.Val())
			found := fmt.Errorf("%d fetched, %d waiting, want %d and %d: %w", active.Val(), waiting, performed, left-performed, err)
			if active.Val() > int64(performed) {
				t.Error(found)
			}
			if active.Val() < int64(performed) || waiting != left-performed {
				return found
			}
			return nil
		})
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

// TestFetchedAheadTasksOfADeadWorker: what a worker had fetched ahead when it died is delivered
// again, once, by the reaper. Should it have stood still instead, it puts nothing back that is not
// its own any more.
func TestFetchedAheadTasksOfADeadWorker(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client(t)
	w, err := New(Config{client: server.AppClient(t), Caller: panickyCaller{}}) // nobody calls it
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	ids := enqueueBinds(t, w.queue, "k", 7)
	k := asynqwire.Queue("bind")
	//nolint:dupword // asynq's own text, byte for byte
	dequeue := redis.NewScript(`
if redis.call("EXISTS", KEYS[2]) == 0 then
	local id = redis.call("RPOPLPUSH", KEYS[1], KEYS[3])
	if id then
		local key = ARGV[2] .. id
		redis.call("HSET", key, "state", "active")
		redis.call("HDEL", key, "pending_since")
		redis.call("ZADD", KEYS[4], ARGV[1], id)
		return redis.call("HGET", key, "msg")
	end
end
return nil`) // asynq's
	for _, key := range client.Keys(ctx, "dypls:open:*").Val() { // as after a while
		for _, id := range client.ZRange(ctx, key, 0, -1).Val() {
			client.ZAddXX(ctx, key, redis.Z{Member: id, Score: 1})
		}
	}
	lapsed := time.Now().Add(-15 * time.Second).Unix()
	for range 4 { // as asynq does; 1, 2, and 4 are fetched
		err := dequeue.Run(ctx, w.host.Client(), []string{k.Key(asynqwire.Pending), k.Key(asynqwire.Paused), k.Key(asynqwire.Active), k.Key(asynqwire.Lease)}, lapsed, k.Task("")).Err()
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := client.LLen(ctx, k.Key(asynqwire.Active)).Val(); n != int64(len(ids)) {
		t.Fatalf("%d tasks were fetched, want %d", n, len(ids))
	}
	if err := w.newReaper().Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	delivered := func() (n int) {
		for _, id := range ids {
			if client.HGet(ctx, k.Task(asynqwire.DeliveryID(id, 2)), "state").Val() == asynqwire.Pending &&
				client.Exists(ctx, k.Task(asynqwire.DeliveryID(id, 1))).Val() == 0 {
				n++
			}
		}
		return n
	}
	if n := delivered(); n != len(ids) {
		t.Errorf("%d of %d tasks have their next delivery in place of the first", n, len(ids))
	}
	if err := w.host.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if n := delivered(); n != len(ids) {
		t.Errorf("%d of %d tasks have their next delivery in place of the first, after the dead worker put back what it had", n, len(ids))
	}
	if n, m := client.LLen(ctx, k.Key(asynqwire.Active)).Val(), client.LLen(ctx, k.Key(asynqwire.Pending)).Val(); n != 0 || m != int64(len(ids)) {
		t.Errorf("%d active, %d pending", n, m)
	}
}
