package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// inDatabase is a client as another one, in another database of its server.
func inDatabase(t *testing.T, client *redis.Client, database int) *redis.Client {
	t.Helper()
	options := *client.Options()
	options.DB, options.PushNotificationProcessor = database, nil
	other := redis.NewClient(&options)
	t.Cleanup(func() { _ = other.Close() })
	return other
}

// TestDatabasesHearNothingOfEachOther: Redis passes what is published on to clients of every
// database. What the workers and queues of one tell each other, of quotas, of breakers and of
// outcomes, none of another database listens to, though both names are the same.
func TestDatabasesHearNothingOfEachOther(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	plain := server.Client(t)
	newWorkerHarnessOn(t, server, quickBreaker, dyplstest.Config{}, nil)
	var heard []string // by those of database 0
	redistest.Poll(t, outcomeWithin, "database 0 to listen", func(ctx context.Context) (err error) {
		heard, err = plain.PubSubChannels(ctx, "dypls:*").Result()
		for _, channel := range []string{"dypls:quota", "dypls:breaker"} {
			if err == nil && !slices.Contains(heard, channel) {
				err = fmt.Errorf("nobody listens to %s: %w", channel, errNotYet)
			}
		}
		return err
	})
	heard = append(heard, record.Channel(plain)) // a queue's, while somebody waits

	everything := plain.PSubscribe(t.Context(), "dypls:*")
	t.Cleanup(func() { _ = everything.Close() })
	if _, err := everything.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	said := map[string]int{}
	go func() {
		for m := range everything.Channel() {
			mu.Lock()
			said[m.Channel]++
			mu.Unlock()
		}
	}()
	other := newWorkerHarnessOn(t, server, quickBreaker, dyplstest.Config{Faults: []dyplstest.Fault{
		{Action: "BindAxn", Code: "isv.FLOW_LIMIT", First: 1},
		{Action: "UnbindSubscription", Code: "isv.OUT_OF_SERVICE", First: 1},
	}}, func(c *Config) { c.client = inDatabase(t, server.AppClient(t), 1) })
	other.queue = queuetest.On(t, inDatabase(t, server.AppClient(t), 1))
	t.Cleanup(func() { _ = other.queue.Close() })
	other.bind(t, "throttled")
	if o := other.outcome(t, "throttled"); o.State != tasks.StateSucceeded {
		t.Fatalf("%s %s", o.State, o.Code)
	}
	unbind := dypls.UnbindSubscriptionRequest{}
	if _, err := tasks.UnbindSubscription.Enqueue(t.Context(), other.queue, unbind, tasks.UnbindOf("throttled"), tasks.TaskID("denied")); err != nil {
		t.Fatal(err)
	}
	other.outcome(t, "denied")
	redistest.Poll(t, outcomeWithin, "database 1 to tell of quotas, breakers and outcomes", func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		for _, about := range []string{"dypls:quota", "dypls:breaker", "dypls:finished"} {
			told := false
			for channel := range said {
				told = told || strings.HasPrefix(channel, about)
			}
			if !told {
				return fmt.Errorf("nothing of %s: %w", about, errNotYet)
			}
		}
		return nil
	})
	mu.Lock()
	defer mu.Unlock()
	for channel, n := range said {
		if slices.Contains(heard, channel) {
			t.Errorf("%s was told %d times by database 1, and is heard by database 0", channel, n)
		}
	}
}
