package tasks_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func updateB(subsID string, b int) dypls.UpdateSubscriptionRequest {
	return dypls.UpdateSubscriptionRequest{
		PoolKey: "FC1", SubsID: subsID, PhoneNoX: numberX, OperateType: dypls.UpdateNoB, PhoneNoB: dypls.Phone(strconv.Itoa(15800000000 + b)),
	}
}

func (s server) order(t *testing.T, id string) int64 {
	t.Helper()
	change, err := s.store.ChangeOf(t.Context(), id)
	if err != nil || change.Order == 0 {
		t.Fatalf("%s has no order: %+v, %v", id, change, err)
	}
	return change.Order
}

// TestUpdatesAreOrderedAsTheyWereEnqueued: one after the other, in batches of several round trips,
// scheduled or not. A key that is enqueued again keeps the place that it has.
func TestUpdatesAreOrderedAsTheyWereEnqueued(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		t.Helper()
		var before int64
		follows := func(id string) {
			t.Helper()
			order := s.order(t, id)
			if order <= before {
				t.Errorf("%s is %d, after %d", id, order, before)
			}
			before = order
		}
		enqueue := func(id string, b int, options ...tasks.Option) {
			t.Helper()
			if _, err := tasks.UpdateSubscription.Enqueue(t.Context(), s.queue, updateB("100", b), append(options, tasks.TaskID(id))...); err != nil {
				t.Fatal(err)
			}
		}
		enqueue("first", 1, tasks.ProcessIn(72*time.Hour))
		follows("first")
		const batch = 700
		items := make([]tasks.Item[dypls.UpdateSubscriptionRequest], batch)
		for i := range items {
			items[i] = tasks.Item[dypls.UpdateSubscriptionRequest]{Request: updateB("100", i), Options: []tasks.Option{tasks.TaskID(fmt.Sprint("b", i))}}
			if i%2 == 1 { // of other bindings, some hundreds
				items[i].Request.SubsID = strconv.Itoa(1000 + i)
			}
		}
		if _, err := tasks.UpdateSubscription.EnqueueAll(t.Context(), s.queue, items); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < batch; i += 2 {
			follows(fmt.Sprint("b", i))
		}
		first := s.order(t, "first")
		enqueue("first", 1, tasks.ProcessIn(72*time.Hour))
		if again := s.order(t, "first"); again != first {
			t.Errorf("enqueued again it is %d, and was %d", again, first)
		}
		enqueue("last", 2)
		follows("last")
	})
}

// TestOrdersOfABatchAreDrawnTogether: it costs one script for each binding, all in one round trip.
func TestOrdersOfABatchAreDrawnTogether(t *testing.T) {
	t.Parallel()
	s := newServer(t, redistest.Start(t).URL())
	trips := &tripCounter{of: map[string]int{}, commands: map[string]int{}}
	client := redis.NewClient(s.client.Options())
	t.Cleanup(func() { _ = client.Close() })
	client.AddHook(trips)
	queue := queuetest.On(t, client)
	items := make([]tasks.Item[dypls.UpdateSubscriptionRequest], 90)
	for i := range items {
		items[i].Request = updateB(strconv.Itoa(100+i%3), i)
	}
	if _, err := tasks.UpdateSubscription.EnqueueAll(t.Context(), queue, items); err != nil {
		t.Fatal(err)
	}
	// twice where Redis does not know the script yet
	if trips.of["dypls:change:"] > 2 || trips.commands["dypls:change:"] > 6 {
		t.Errorf("%d commands in %d round trips", trips.commands["dypls:change:"], trips.of["dypls:change:"])
	}
	if trips.of["dypls:change:"] == 0 {
		t.Error("nothing was drawn")
	}
}

// tripCounter counts round trips, and commands, by how the first key of a script begins.
type tripCounter struct {
	of, commands map[string]int
}

func (*tripCounter) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*tripCounter) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (c *tripCounter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		seen := map[string]bool{}
		for _, cmd := range cmds {
			const firstKey = 3
			if args := cmd.Args(); len(args) > firstKey {
				key, _ := args[firstKey].(string)
				prefix, _, _ := strings.Cut(key, "{")
				c.commands[prefix]++
				seen[prefix] = true
			}
		}
		for prefix := range seen {
			c.of[prefix]++
		}
		return next(ctx, cmds)
	}
}

// TestOrderedKindsEnd: an order is kept as long as a task that needs it may be tried, so that each
// has to have an end.
func TestOrderedKindsEnd(t *testing.T) {
	t.Parallel()
	if p := tasks.UpdateSubscription.Policy(); p.Orders == nil || p.MaxAge == 0 {
		t.Errorf("%+v", p)
	}
}
