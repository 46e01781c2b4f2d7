package worker

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestWholeLifeOnACluster: everything works on three masters: no script's keys are in two slots,
// every node learns the scripts, and what waits on one is heard of on another.
func TestWholeLifeOnACluster(t *testing.T) {
	t.Parallel()
	for _, shards := range []int{1, 6} {
		t.Run(fmt.Sprint(shards, " shards"), func(t *testing.T) {
			t.Parallel()
			nodes := redistest.StartMasters(t, 3)
			c := newFullStackHarness(t, shards, func() redis.UniversalClient { return nodes.Client(t) })
			c.do(t)
			if n := c.slots.refused.Load(); n != 0 {
				t.Errorf("%d commands had keys of several slots", n)
			}
			for i, node := range nodes {
				if n := node.Client(t).DBSize(t.Context()).Val(); n < clusterBinds/6 {
					t.Errorf("node %d holds %d keys", i, n)
				}
			}
			t.Logf("%d scripts were sent whole to a node that did not know them", c.slots.loaded.Load())
		})
	}
}

func (c *fullStackHarness) do(t *testing.T) {
	t.Helper()
	left := c.leftOver(t)
	runUntilEnd(t, c.Worker, c.log)
	c.succeed(t, left...)
	binds := c.binds(t)
	c.succeed(t, binds...)
	c.denied(t)
	c.fromInventory(t)
	c.recording(t)
	c.unbinds(t, binds)
	c.uncertain(t)
	c.followed(t)
}

// leftOver is what producers and workers that died have left of two queues: the reaper, which
// nothing else helps here, delivers all of it.
func (c *fullStackHarness) leftOver(t *testing.T) []string {
	t.Helper()
	const each = 6
	ctx := t.Context()
	records := record.NewStore(c.client)
	asynqClient := asynq.NewClientFromRedisClient(c.client)
	var ids []string
	for i := range 2 * each {
		request := bindRequest()
		request.PhoneNoX = dypls.Phone(strconv.Itoa(17000000100 + i))
		body, err := json.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		id := fmt.Sprint("left-", i)
		ids = append(ids, id)
		n := record.New{ID: id, Action: "BindAxn", Request: body, Fingerprint: "f", ProcessAt: time.Now()}
		if _, err := records.Create(ctx, []*record.New{&n}); err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 { // never delivered
			continue
		}
		delivery := asynqwire.DeliveryID(id, 1)
		task := asynq.NewTask("dypls:BindAxn", asynqwire.Payload{Version: 1, ID: id}.Encode())
		if _, err := asynqClient.Enqueue(task, asynq.Queue("bind"), asynq.TaskID(delivery)); err != nil {
			t.Fatal(err)
		}
		k := asynqwire.Queue("bind")
		c.client.LRem(ctx, k.Key(asynqwire.Pending), 0, delivery)
		c.client.LPush(ctx, k.Key(asynqwire.Active), delivery)
		c.client.HSet(ctx, k.Task(delivery), "state", "active")
		c.client.ZAdd(ctx, k.Key(asynqwire.Lease), redis.Z{Member: delivery, Score: float64(time.Now().Add(-time.Minute).Unix())})
		if _, err := records.Begin(ctx, record.Run{ID: id, Run: "r", Lease: time.Millisecond, MaxAttempts: 6, MaxCrashes: 3, Keep: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range each { // of another queue
		id := fmt.Sprint("left-query-", i)
		body, err := json.Marshal(recordingRequest())
		if err != nil {
			t.Fatal(err)
		}
		n := record.New{ID: id, Action: "QueryRecordFileDownloadUrl", Request: body, Fingerprint: "f", ProcessAt: time.Now()}
		if _, err := records.Create(ctx, []*record.New{&n}); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for shard := range 16 {
		key := fmt.Sprintf("dypls:open:{%02x}", shard)
		for _, id := range c.client.ZRange(ctx, key, 0, -1).Val() {
			c.client.ZAddXX(ctx, key, redis.Z{Member: id, Score: 1})
		}
	}
	if err := c.newReaper().Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	for queue, want := range map[string]int64{"bind": 2 * each, "query": each} {
		if n := pendingOf(t, c.queue, queue); n != want {
			t.Errorf("the reaper delivered %d of queue %s, want %d\n%s", n, queue, want, c.log)
		}
	}
	return ids
}
