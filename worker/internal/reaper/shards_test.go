package reaper

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func bindRequest() dypls.BindAXNRequest {
	return dypls.BindAXNRequest{PoolKey: "FC1", PhoneNoA: "13900000001", Expiration: dypls.At(time.Now().Add(time.Hour))}
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

// pending counts the deliveries of binds that are pending, in all shards.
func pending(t *testing.T, queue *tasks.Queue) (n int64) {
	t.Helper()
	infos, err := queue.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range infos {
		if of, _ := dispatch.QueueOf(q.Queue); of == "bind" {
			n += q.Pending
		}
	}
	return n
}

// TestReaperLooksInEveryShard: what was put elsewhere, by somebody with another number of shards,
// is not delivered again and again.
func TestReaperLooksInEveryShard(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	h := newHarnessOn(t, server) // of one shard
	other := queuetest.New(t, tasks.Config{Client: server.Client(t), Shards: 7})
	request := bindRequest()
	ids := enqueueAll(t, other, request, "k-", 20)
	for range 3 {
		h.sweeps(t)
	}
	if n := pending(t, other); n != int64(len(ids)) {
		t.Errorf("%d deliveries of %d tasks\n%s", n, len(ids), h.log)
	}
	enqueueAll(t, h.Queue, request, "k-", 20)
	if n := pending(t, other); n != int64(len(ids)) {
		t.Errorf("%d deliveries after the same key was enqueued by another number of shards", n)
	}
	// One whose queue nobody knows of any longer gets another delivery, one more only, whoever sweeps.
	h.client.SRem(t.Context(), "asynq:queues", h.client.SMembers(t.Context(), "asynq:queues").Val())
	forgetful := newHarnessOn(t, server)
	for range 3 {
		forgetful.sweeps(t)
	}
	if n := pending(t, other); n != int64(2*len(ids)) {
		t.Errorf("%d deliveries of %d tasks after their queues were forgotten\n%s", n, len(ids), forgetful.log)
	}
}

// TestSilentShard: what a dead worker has left in a shard is found, and delivered in the shard
// where it belongs.
func TestSilentShard(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	h := newHarnessOn(t, server)
	other := queuetest.New(t, tasks.Config{Client: server.Client(t), Shards: 3})
	enqueueAll(t, other, bindRequest(), "k-", 1)
	k := asynqwire.Queue(queuetest.Dispatcher(h.client, 3).Place(t.Context(), "bind", "k-0"))
	h.client.LRem(t.Context(), k.Key(asynqwire.Pending), 0, "k-0.1")
	h.client.HSet(t.Context(), k.Task("k-0.1"), "state", asynqwire.Active)
	h.client.ZAdd(t.Context(), k.Key(asynqwire.Lease), redis.Z{Member: "k-0.1", Score: float64(time.Now().Add(-time.Minute).Unix())})
	h.client.LPush(t.Context(), k.Key(asynqwire.Active), "k-0.1")
	h.sweeps(t)
	h.sweeps(t)
	if n := h.client.LLen(t.Context(), k.Key(asynqwire.Active)).Val(); n != 0 {
		t.Errorf("%d are still active", n)
	}
	if ids := h.client.LRange(t.Context(), asynqwire.Queue("bind").Key(asynqwire.Pending), 0, -1).Val(); !slices.Equal(ids, []string{"k-0.2"}) {
		t.Errorf("delivered %q", ids)
	}
}
