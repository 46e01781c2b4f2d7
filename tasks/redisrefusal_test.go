package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// toldWithin is far above what any answer takes, and below the 26 s that five dials took.
const toldWithin = 20 * time.Second

// enqueueAt puts a task where nobody takes it, and returns why.
func enqueueAt(t *testing.T, config tasks.RedisConfig) error {
	t.Helper()
	queue := queuetest.On(t, client(t, config))
	ctx, cancel := context.WithTimeout(t.Context(), toldWithin)
	defer cancel()
	_, err := tasks.BindAXN.Enqueue(ctx, queue, axn())
	return err
}

// lockedServer wants a password, and has a user who may do little.
func lockedServer(t *testing.T) *redistest.Server {
	t.Helper()
	s := redistest.Start(t)
	client := s.Client(t)
	err := errors.Join(client.Do(t.Context(), "ACL", "SETUSER", "weak", "on", ">s3cret", "~*", "+ping", "+hello", "+client").Err(),
		client.ConfigSet(t.Context(), "requirepass", "s3cret").Err())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestARefusalIsToldAsOne: what is wrong with which setting and what to do, in no words of asynq's,
// and with nothing of the task.
func TestARefusalIsToldAsOne(t *testing.T) {
	t.Parallel()
	if os.Getenv("DYPLSQ_TEST_REDIS") != "" {
		t.Skip("needs servers without TLS")
	}
	master := redistest.Start(t, "--maxclients", "200")
	replica := redistest.StartReplica(t, master)
	locked := lockedServer(t)
	full := redistest.Start(t)
	if err := full.Client(t).ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	few := redistest.Start(t, "--min-replicas-to-write", "1")
	node := redistest.StartMasters(t, 3)[0]
	crowded := redistest.Start(t)
	crowd := crowded.Client(t)
	if err := crowd.ConfigSet(t.Context(), "maxclients", "1").Err(); err != nil {
		t.Fatal(err)
	}
	sentinels := redistest.StartSentinel(t)
	tests := map[string]struct {
		url     string
		code    string
		lasting bool
		says    string
	}{
		"a replica":         {"redis://" + replica.Addr, "READONLY", false, "point REDIS_URL at the master"},
		"wrong password":    {"redis://:wr0ng@" + locked.Addr, "WRONGPASS", true, "mend user and password in REDIS_URL"},
		"no password":       {"redis://" + locked.Addr, "NOAUTH", true, "the URL gives none"},
		"no colon":          {"redis://s3cret@" + locked.Addr, "NOAUTH", true, "with the colon in front of the password"},
		"a user's rule":     {"redis://weak:s3cret@" + locked.Addr, "NOPERM", true, "ACL SETUSER"},
		"no memory":         {"redis://" + full.Addr, "OOM", false, "raise its maxmemory"},
		"too few replicas":  {"redis://" + few.Addr, "NOREPLICAS", false, "min-replicas-to-write"},
		"a node":            {"redis://" + node.Addr, "MOVED", true, "REDIS_CLUSTER_NODES"},
		"a node's database": {"redis://" + node.Addr + "/1", "SELECT is not allowed in cluster mode", true, "REDIS_CLUSTER_NODES"},
		"a database":        {"redis://" + master.Addr + "/99", "DB index is out of range", true, "number at the end of REDIS_URL"},
		"a crowd":           {"redis://" + crowded.Addr, "max number of clients reached", false, "raise its maxclients"},
		"a Sentinel": {
			"redis://sam:of-sentinels@" + sentinels.SentinelAddr(), "unknown command", true, "write redis-sentinel://",
		},
		"another master": {strings.Replace(sentinels.URL(), "master=main", "master=mian", 1), "unknown master", true, "?master=NAME"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := enqueueAt(t, tasks.RedisConfig{URL: test.url})
			refused, is := errors.AsType[*tasks.RefusedError](err)
			if !is || refused.Code != test.code || refused.Lasting != test.lasting {
				t.Fatalf("%+v", err)
			}
			if !errors.Is(err, tasks.ErrRefused) || !errors.Is(err, tasks.ErrUnreachable) {
				t.Errorf("is neither ErrRefused nor ErrUnreachable: %v", err)
			}
			text := err.Error()
			if !strings.Contains(text, test.says) || !strings.HasPrefix(text, "redis refuses: ") {
				t.Errorf("does not say %q: %s", test.says, text)
			}
			for _, none := range []string{"redis command error", "redis eval error", "UNKNOWN", "INTERNAL_ERROR", "s3cret", "wr0ng", "1380000", "sentinels specified"} {
				if strings.Contains(text, none) {
					t.Errorf("says %q: %s", none, text)
				}
			}
		})
	}
}

// TestTLSOnOneSideAlone is told at once, and with the remedy.
func TestTLSOnOneSideAlone(t *testing.T) {
	t.Parallel()
	if os.Getenv("DYPLSQ_TEST_REDIS") != "" {
		t.Skip("needs servers without TLS")
	}
	plain, secured := redistest.Start(t), redistest.StartTLS(t, redistest.LeastRule)
	locked, sentinels := lockedServer(t), redistest.StartSentinel(t)
	const without, with = "looks like a server without TLS: write redis://", "looks like a server with TLS: write rediss://"
	for name, test := range map[string]struct{ url, says string }{
		"TLS to a plain server":            {"rediss://" + plain.Addr, without},
		"TLS to one with a password":       {"rediss://:s3cret@" + locked.Addr, without},
		"no TLS to a server with TLS":      {"redis://" + secured.Addr, with},
		"a password to a server with TLS":  {"redis://app:s3cret@" + secured.Addr, with},
		"TLS to Sentinels that have none":  {strings.Replace(sentinels.URL(), "redis-", "rediss-", 1), without},
		"no TLS to Sentinels that have it": {"redis-sentinel://" + secured.Addr + "?master=main", with},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := enqueueAt(t, tasks.RedisConfig{URL: test.url})
			for tries := 0; errors.Is(err, context.DeadlineExceeded) && tries < 5; tries++ {
				err = enqueueAt(t, tasks.RedisConfig{URL: test.url}) // a busy machine has no time left to ask
			}
			if !errors.Is(err, tasks.ErrUnreachable) || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestAFilteredHostIsGivenUp: no answer at all, and no patience of the caller's that ends it.
func TestAFilteredHostIsGivenUp(t *testing.T) {
	t.Parallel()
	link := redistest.StartLink(t, redistest.Start(t))
	link.Cut(t)
	err := enqueueAt(t, tasks.RedisConfig{URL: "redis://" + link.Addr})
	if !errors.Is(err, tasks.ErrUnreachable) || errors.Is(err, tasks.ErrRefused) {
		t.Errorf("%v", err)
	}
}

// TestADemotedMasterIsLeft: behind a proxy that keeps connections where they are, whatever the
// refusal is worded like, a client is led to the new master by the next command but one: and by
// none after that, on whichever of its connections, to the old one.
func TestADemotedMasterIsLeft(t *testing.T) {
	t.Parallel()
	const connections = 8
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	proxy := redistest.StartSwitchover(t, master)
	made := client(t, tasks.RedisConfig{URL: "redis://" + proxy.Addr, PoolSize: connections})
	busy := func(ctx context.Context) (failed error) {
		errs := make(chan error, connections)
		for range connections {
			go func() { errs <- made.Eval(ctx, `return redis.call('INCR', KEYS[1])`, []string{"k"}).Err() }()
		}
		for range connections {
			failed = errors.Join(failed, <-errs)
		}
		return failed
	}
	if err := busy(t.Context()); err != nil {
		t.Fatal(err)
	}
	proxy.To(replica)
	replica.Promote(t)
	host, port, _ := net.SplitHostPort(replica.Addr)
	if err := master.Client(t).ReplicaOf(t.Context(), host, port).Err(); err != nil {
		t.Fatal(err)
	}
	redistest.Poll(t, toldWithin, "the old master to refuse", func(ctx context.Context) error {
		if err := busy(ctx); proxy.Refusals() == 0 {
			return fmt.Errorf("not yet: %v", err) //nolint:errorlint // it may be nil
		}
		return nil
	})
	redistest.Poll(t, toldWithin, "the client to come to the new master", busy)
	if n := replica.Client(t).Get(t.Context(), "k").Val(); n == "" {
		t.Error("nothing was written to the new master")
	}
	refusals := proxy.Refusals()
	for range 10 {
		if err := busy(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if n := proxy.Refusals() - refusals; n != 0 {
		t.Errorf("%d commands still went to the old master", n)
	}
}

// TestASubscriptionToADemotedMasterIsLeft, too: it would hear nothing of what is published on the
// new one.
func TestASubscriptionToADemotedMasterIsLeft(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	proxy := redistest.StartSwitchover(t, master)
	made := client(t, tasks.RedisConfig{URL: "redis://" + proxy.Addr})
	if err := made.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	subscription := made.Subscribe(t.Context(), "news")
	t.Cleanup(func() { _ = subscription.Close() })
	if _, err := subscription.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	news := subscription.Channel(redis.WithChannelHealthCheckInterval(100 * time.Millisecond))
	proxy.To(replica)
	replica.Promote(t)
	host, port, _ := net.SplitHostPort(replica.Addr)
	if err := master.Client(t).ReplicaOf(t.Context(), host, port).Err(); err != nil {
		t.Fatal(err)
	}
	publisher := replica.Client(t)
	// Published again and again: a subscription that is made anew once more hears nothing in between.
	redistest.Poll(t, toldWithin, "news of the new master", func(ctx context.Context) error {
		_ = made.Set(ctx, "k", "v", 0).Err()
		if n := publisher.PubSubNumSub(ctx, "news").Val()["news"]; n == 0 {
			return errors.New("nobody subscribes to it") // what is published there is heard at its replica, too
		}
		if err := publisher.Publish(ctx, "news", "of the new master").Err(); err != nil {
			return err
		}
		select {
		case <-news:
			return nil
		default:
			return errors.New("the subscription hears nothing")
		}
	})
}
