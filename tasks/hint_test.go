package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// A wake-up is a hint, never the truth. These tests take hints away.

const hintWithin = 2 * time.Minute

// onEachTopology runs a test on clients, all of whose connections pass a network, of one server, of
// a master that Sentinels know, and of a cluster.
func onEachTopology(t *testing.T, mark string, test func(t *testing.T, client redis.UniversalClient, network *redistest.Forgetful)) {
	t.Helper()
	t.Run("one server", func(t *testing.T) {
		t.Parallel()
		network, client := redistest.NewForgetful(mark), redistest.Start(t).AppClient(t)
		client.AddHook(network)
		test(t, client, network)
	})
	t.Run("sentinel", func(t *testing.T) {
		t.Parallel()
		network := redistest.NewForgetful(mark)
		client, err := tasks.RedisConfig{URL: redistest.StartSentinel(t).URL()}.Client()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		client.AddHook(network)
		test(t, client, network)
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		network, client := redistest.NewForgetful(mark), redistest.StartMasters(t, 3).Client(t)
		client.OnNewNode(func(node *redis.Client) { node.AddHook(network) })
		test(t, client, network)
	})
}

// unsettled enqueues tasks and waits for each by itself.
func unsettled(t *testing.T, queue *tasks.Queue, ids []string) (told <-chan error) {
	t.Helper()
	for _, id := range ids {
		if _, err := tasks.BindAXN.Enqueue(t.Context(), queue, axn(), tasks.TaskID(id)); err != nil {
			t.Fatal(err)
		}
	}
	return waitedFor(t, queue, ids)
}

func waitedFor(t *testing.T, queue *tasks.Queue, ids []string) (told <-chan error) {
	t.Helper()
	all := make(chan error, len(ids))
	for _, id := range ids {
		go func() {
			_, err := queue.Wait(t.Context(), id)
			all <- err
		}()
	}
	return all
}

func everybodyIsTold(t *testing.T, told <-chan error, n int, want error) {
	t.Helper()
	patience := time.After(hintWithin)
	for i := range n {
		select {
		case err := <-told:
			if !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		case <-patience:
			t.Fatalf("%d of %d are never told", n-i, n)
		}
	}
}

// subscribed waits until somebody hears the channel that all topologies have.
func subscribed(t *testing.T, client redis.UniversalClient) {
	t.Helper()
	redistest.Poll(t, hintWithin, "a subscription", func(ctx context.Context) error {
		n, err := subscribers(ctx, client)
		if n == 0 {
			return fmt.Errorf("nobody has subscribed: %w", err)
		}
		return nil
	})
}

// subscribers counts on each master of a cluster: a subscription is known to its own node alone.
func subscribers(ctx context.Context, client redis.UniversalClient) (n int64, err error) {
	channel := record.Channel(client)
	count := func(ctx context.Context, node *redis.Client) error {
		found, err := node.PubSubNumSub(ctx, channel).Result()
		atomic.AddInt64(&n, found[channel])
		return err
	}
	switch client := client.(type) {
	case *redis.ClusterClient:
		err = client.ForEachMaster(ctx, count)
	case *redis.Client:
		err = count(ctx, client)
	}
	return n, err
}

// TestWaitWhoseSubscriptionIsLost: a connection that is lost without a word keeps nobody from an
// outcome, and is made anew.
func TestWaitWhoseSubscriptionIsLost(t *testing.T) {
	t.Parallel()
	onEachTopology(t, "subscribe", func(t *testing.T, client redis.UniversalClient, network *redistest.Forgetful) {
		queue := queuetest.On(t, client)
		told := unsettled(t, queue, []string{"a"})
		subscribed(t, client)
		network.Forget()
		if err := queue.Cancel(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		everybodyIsTold(t, told, 1, nil)

		told = unsettled(t, queue, []string{"b"})
		redistest.Poll(t, hintWithin, "another subscription", func(context.Context) error {
			if network.Later() == 0 {
				return errors.New("nobody has subscribed")
			}
			return nil
		})
		if err := queue.Cancel(t.Context(), "b"); err != nil {
			t.Fatal(err)
		}
		everybodyIsTold(t, told, 1, nil)
		if network.Lost() == 0 {
			t.Error("nothing was lost")
		}
	})
}

// TestWaitOfARecordThatVanished: whoever waits for what Redis has forgotten is told so, though
// nobody publishes it.
func TestWaitOfARecordThatVanished(t *testing.T) {
	t.Parallel()
	onEachTopology(t, "no such command", func(t *testing.T, client redis.UniversalClient, _ *redistest.Forgetful) {
		queue := queuetest.On(t, client)
		ids := []string{"a", "b", "c"}
		told := unsettled(t, queue, ids)
		subscribed(t, client)
		for _, id := range ids { // an end of its time, or FLUSHALL, which the product may not say
			if err := client.Del(t.Context(), record.Key(id)).Err(); err != nil {
				t.Fatal(err)
			}
		}
		everybodyIsTold(t, told, len(ids), tasks.ErrUnknownTask)
	})
}

// TestLooksAreShared: who waits reads once. While nothing is told, one look asks for all who wait.
func TestLooksAreShared(t *testing.T) {
	t.Parallel()
	s := newServer(t, redistest.Start(t).URL())
	counting := &lookHook{}
	options, err := tasks.ParseRedisURL(s.url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	client.AddHook(counting)
	queue := queuetest.On(t, client)
	t.Cleanup(func() { _, _ = queue.Close(), client.Close() })
	const many = 200
	ids := make([]string, many)
	for i := range ids {
		ids[i] = fmt.Sprint("k-", i)
	}
	for _, id := range ids {
		s.enqueue(t, tasks.TaskID(id))
	}
	told := waitedFor(t, queue, ids)
	redistest.Poll(t, hintWithin, "looks at most of them", func(context.Context) error {
		if n := counting.atMajorityOf(many); n < 2 {
			return fmt.Errorf("%d looks", n)
		}
		return nil
	})
	redistest.Poll(t, hintWithin, "the reads of all", func(context.Context) error {
		if n := counting.reads.Load(); n < many {
			return fmt.Errorf("%d reads", n)
		}
		return nil
	})
	if n := counting.reads.Load(); n != many {
		t.Errorf("%d waiters have read %d times", many, n)
	}
	for _, id := range ids {
		s.bind(t, id, binding)
	}
	everybodyIsTold(t, told, many, nil)
}

// lookHook counts reads of waiters, and looks by how many tasks they are at.
type lookHook struct {
	redis.Hook

	reads atomic.Int64
	mu    sync.Mutex
	looks []int
}

// atMajorityOf counts the looks at more than half of n tasks: a busy machine lets some begin to
// wait later, who are looked at apart.
func (h *lookHook) atMajorityOf(n int) (looks int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, at := range h.looks {
		if 2*at > n {
			looks++
		}
	}
	return looks
}

func (*lookHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*lookHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h *lookHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		switch {
		case cmds[0].Name() == "hget":
			h.mu.Lock()
			h.looks = append(h.looks, len(cmds))
			h.mu.Unlock()
		case cmds[0].Name() == "hmget" && len(cmds) == 1:
			h.reads.Add(1)
		}
		return next(ctx, cmds)
	}
}

// TestContextOfAWaiterIsKept: a Redis that takes connections and answers nothing holds up one who
// has time, and nobody else.
func TestContextOfAWaiterIsKept(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	connected := make(chan net.Conn, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connected <- conn
		}
	}()
	queue := open(t, "redis://"+listener.Addr().String()+"/0?dial_timeout=10m&read_timeout=10m&write_timeout=10m")
	patient, giveUp := context.WithCancel(t.Context())
	waiting := make(chan struct{})
	go func() {
		defer close(waiting)
		_, _ = queue.Wait(patient, "a")
	}()
	<-connected
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := queue.Wait(short, "b"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	select {
	case <-waiting:
		t.Error("it was told after the one who was there before it")
	default:
	}
	giveUp()
	closed := make(chan error, 1)
	go func() { closed <- queue.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(hintWithin):
		t.Error("Close waits for a server that does not answer")
	}
}

// TestDatabasesAreApart: Redis passes what is published on to clients of all databases. Who waits
// in one hears nothing of another.
func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	base := server.URL()
	base = base[:len(base)-1]
	client := server.Client(t)
	all := client.PSubscribe(t.Context(), "dypls:finished*")
	t.Cleanup(func() { _ = all.Close() })
	if _, err := all.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	heard := map[string]string{}
	for _, database := range []string{"0", "1", "12"} {
		queue := open(t, base+database)
		told := unsettled(t, queue, []string{"k"})
		if err := queue.Cancel(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
		everybodyIsTold(t, told, 1, nil)
		message, err := all.ReceiveMessage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		heard[database] = message.Channel
	}
	want := map[string]string{"0": "dypls:finished", "1": "dypls:finished:1", "12": "dypls:finished:12"}
	if diff := cmp.Diff(want, heard); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
