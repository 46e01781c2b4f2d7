package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

const linesWithin = time.Minute

// waiting is somebody who waits on a cluster for a task, which a cancel ends.
type waiting struct {
	client        *redis.ClusterClient
	waiter, other *tasks.Queue
	told          chan error
}

// waits has a task enqueued and waited for. The number of shards is the waiter's, and that of
// whoever ends the task.
func waits(t *testing.T, client *redis.ClusterClient, id string, ofWaiter, ofOther int) *waiting {
	t.Helper()
	w := &waiting{
		client: client, waiter: queuetest.New(t, tasks.Config{Client: client, Shards: ofWaiter}), other: queuetest.New(t, tasks.Config{Client: client, Shards: ofOther}), told: make(chan error, 1),
	}
	t.Cleanup(func() { _, _ = w.waiter.Close(), w.other.Close() })
	if _, err := tasks.BindAXN.Enqueue(t.Context(), w.waiter, axn(), tasks.TaskID(id)); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := w.waiter.Wait(t.Context(), id)
		w.told <- err
	}()
	redistest.Poll(t, linesWithin, "a subscription for "+id, func(ctx context.Context) error { return w.subscribed(ctx, id) })
	return w
}

// subscribed asks the node that has the slot.
func (w *waiting) subscribed(ctx context.Context, id string) error {
	channel := record.ShardChannel(id)
	node, err := w.client.MasterForKey(ctx, channel)
	if err != nil {
		return err
	}
	n, err := node.PubSubShardNumSub(ctx, channel).Result()
	if err == nil && n[channel] != 1 {
		err = fmt.Errorf("%d subscribe to %s", n[channel], channel)
	}
	return err
}

func (w *waiting) end(t *testing.T, id string) {
	t.Helper()
	redistest.Poll(t, linesWithin, "the task to be canceled", func(ctx context.Context) error {
		err := w.other.Cancel(ctx, id)
		if errors.Is(err, tasks.ErrUnreachable) {
			return err
		}
		return nil
	})
	select {
	case err := <-w.told:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(linesWithin):
		t.Error("nobody told who waits")
	}
}

// published counts commands of all masters.
func published(t *testing.T, masters redistest.Masters, command string) (n int) {
	t.Helper()
	for _, master := range masters {
		n += redistest.Calls(t, master.Client(t), command)
	}
	return n
}

// TestShardedWakeUps: on a cluster nothing is published that all nodes have to pass on, and whoever
// waits hears of it however many shards it and the others know of.
func TestShardedWakeUps(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartMasters(t, 3)
	client := nodes.Client(t)
	plain, sharded := 0, 0
	end := func(id string, mine, others int) {
		w := waits(t, client, id, mine, others) // which announces the task, too
		publishedBefore, shardedBefore := published(t, nodes, "publish"), published(t, nodes, "spublish")
		w.end(t, id)
		plain += published(t, nodes, "publish") - publishedBefore
		sharded += published(t, nodes, "spublish") - shardedBefore
	}
	for i := range 6 {
		end(fmt.Sprint("both-", i), 4, 4)
	}
	if plain != 0 || sharded != 6 {
		t.Errorf("%d published, and %d sharded", plain, sharded)
	}
	end("one", 1, 4)
	end("other", 4, 1)
	if plain != 1 || sharded != 7 {
		t.Errorf("%d published, and %d sharded", plain, sharded)
	}
}

// TestShardedWakeUpsAfterFailover: the replica that takes over has the subscription, too.
func TestShardedWakeUpsAfterFailover(t *testing.T) {
	t.Parallel()
	site := redistest.StartCluster(t)
	client := site.Client(t)
	w := waits(t, client, "k", 4, 4)
	node, err := client.MasterForKey(t.Context(), record.ShardChannel("k"))
	if err != nil {
		t.Fatal(err)
	}
	killed := node.Options().Addr
	for _, server := range site.Servers {
		if server.Addr == killed {
			server.Kill()
		}
	}
	at := time.Now()
	redistest.Poll(t, linesWithin, "a subscription on another node", func(ctx context.Context) error {
		if node, err := client.MasterForKey(ctx, record.ShardChannel("k")); err != nil || node.Options().Addr == killed {
			client.ReloadState(ctx)
			return errors.New("not yet")
		}
		return w.subscribed(ctx, "k")
	})
	t.Logf("subscribed again %s after the end of the master", time.Since(at).Round(100*time.Millisecond))
	w.end(t, "k")
}

// TestShardedWakeUpsFollowTheSlot: a slot that moves to another node takes its subscribers with it.
func TestShardedWakeUpsFollowTheSlot(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartMasters(t, 3)
	client := nodes.Client(t)
	w := waits(t, client, "k", 4, 4)
	channel := record.ShardChannel("k")
	from, to := nodes.Owner(t, channel)
	move := redistest.StartSlotMove(t, from, to, channel)
	move.MoveKeys(t, 100)
	move.Finish(t)
	redistest.Poll(t, linesWithin, "a subscription on the other node", func(ctx context.Context) error {
		n, err := to.Client(t).PubSubShardNumSub(ctx, channel).Result()
		if err == nil && n[channel] != 1 {
			err = fmt.Errorf("%d", n[channel])
		}
		return err
	})
	w.end(t, "k")
}

// TestMissedWakeUpOnACluster: what nobody told of is read all the same, a moment later.
func TestMissedWakeUpOnACluster(t *testing.T) {
	t.Parallel()
	client := redistest.StartMasters(t, 3).Client(t)
	w := waits(t, client, "k", 4, 4)
	// whose process ends before it tells
	_, silent := record.NewTeller(record.NewStore(client).WithShardedWakeUps())
	if found, err := silent.Cancel(t.Context(), "k", time.Hour); err != nil || found != record.Canceled {
		t.Fatal(found, err)
	}
	select {
	case err := <-w.told:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(linesWithin):
		t.Error("nobody told who waits")
	}
}
