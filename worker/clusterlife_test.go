package worker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

func recordingRequest() dypls.QueryRecordFileDownloadURLRequest {
	return dypls.QueryRecordFileDownloadURLRequest{
		PoolKey: dyplstest.DefaultPoolKey, CallID: "call-1", CallTime: dypls.At(time.Now().Add(-time.Hour)),
	}
}

// binds enqueues binds, in a batch and one by one.
func (c *fullStackHarness) binds(t *testing.T) []string {
	t.Helper()
	items := make([]tasks.Item[dypls.BindAXNRequest], clusterBinds/2)
	for i := range items {
		items[i] = tasks.Item[dypls.BindAXNRequest]{Request: bindRequest(), Options: []tasks.Option{tasks.TaskID(fmt.Sprint("batch-", i))}}
	}
	ids, err := tasks.BindAXN.EnqueueAll(t.Context(), c.queue, items)
	if err != nil {
		t.Fatal(err)
	}
	for i := range clusterBinds / 2 {
		id, err := queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), c.queue, bindRequest(), tasks.TaskID(fmt.Sprint("bind-", i))))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if again, err := tasks.BindAXN.EnqueueAll(t.Context(), c.queue, items); err != nil || len(again) != len(items) {
		t.Errorf("the same batch again: %v", err)
	}
	return ids
}

// denied has the breaker open, and close again.
func (c *fullStackHarness) denied(t *testing.T) {
	t.Helper()
	if err := c.simulator.AddFault(dyplstest.Fault{Code: "isv.OUT_OF_SERVICE", Times: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := tasks.BindAXN.Enqueue(t.Context(), c.queue, bindRequest(), tasks.TaskID("denied")); err != nil {
		t.Fatal(err)
	}
	c.succeed(t, "denied")
	if !strings.Contains(c.log.String(), `"scope":"account"`) {
		t.Error("no breaker was open")
	}
}

// fromInventory binds numbers of an inventory, and frees one.
func (c *fullStackHarness) fromInventory(t *testing.T) {
	t.Helper()
	v := inventory.New(c.client, inventory.DefaultCooldown)
	numbers := make([]inventory.Number, 0, 3)
	for _, x := range dyplstest.Numbers("171", 3) {
		numbers = append(numbers, inventory.Number{X: x})
	}
	if _, err := v.Import(t.Context(), inventoryPool, numbers); err != nil {
		t.Fatal(err)
	}
	redistest.Poll(t, fullStackWithin, "every worker to know of the inventory", func(ctx context.Context) error {
		since, known, err := v.LeasedSince(ctx, inventoryPool)
		if err != nil || !known || time.Now().Before(since) {
			return errors.Join(err, errors.New("not yet"))
		}
		return nil
	})
	for i := range numbers {
		request := bindRequest()
		request.PoolKey = inventoryPool
		if _, err := tasks.BindAXN.Enqueue(t.Context(), c.queue, request, tasks.TaskID(fmt.Sprint("stock-", i))); err != nil {
			t.Fatal(err)
		}
	}
	c.succeed(t, "stock-0", "stock-1", "stock-2")
	c.unbinds(t, []string{"stock-0"})
	redistest.Poll(t, fullStackWithin, "the inventory to know", func(ctx context.Context) error {
		stock, err := v.Counts(ctx, inventoryPool)
		if err == nil && (stock.Bound != 2 || stock.Resting != 1) {
			err = fmt.Errorf("%+v", stock.Counts)
		}
		return err
	})
}

func (c *fullStackHarness) recording(t *testing.T) {
	t.Helper()
	id, err := queuetest.ID(tasks.QueryRecordFileDownloadURL.Enqueue(t.Context(), c.queue, recordingRequest()))
	if err != nil {
		t.Fatal(err)
	}
	if link, err := tasks.QueryRecordFileDownloadURL.Wait(t.Context(), c.queue, id); err != nil || link.DownloadURL == "" {
		t.Errorf("no link: %v", err)
	}
}

// unbinds changes each binding, and ends it.
func (c *fullStackHarness) unbinds(t *testing.T, binds []string) {
	t.Helper()
	var updates, unbinds []string
	var requests []dypls.UnbindSubscriptionRequest
	for i, id := range binds {
		bound, err := tasks.BindAXN.Result(t.Context(), c.queue, id)
		if err != nil {
			t.Fatal(err)
		}
		pool := dyplstest.DefaultPoolKey
		if strings.HasPrefix(id, "stock") {
			pool = inventoryPool
		}
		update, err := queuetest.ID(tasks.UpdateSubscription.Enqueue(t.Context(), c.queue, dypls.UpdateSubscriptionRequest{
			PoolKey: pool, SubsID: bound.SubsID, PhoneNoX: bound.SecretNo, OperateType: dypls.UpdateNoA, PhoneNoA: dypls.Phone(strconv.Itoa(13900001000 + i)),
		}))
		if err != nil {
			t.Fatal(err)
		}
		updates = append(updates, update)
		requests = append(requests, dypls.UnbindSubscriptionRequest{PoolKey: pool, SubsID: bound.SubsID, SecretNo: bound.SecretNo})
	}
	c.succeed(t, updates...)
	for _, request := range requests {
		id, err := queuetest.ID(tasks.UnbindSubscription.Enqueue(t.Context(), c.queue, request))
		if err != nil {
			t.Fatal(err)
		}
		unbinds = append(unbinds, id)
	}
	c.succeed(t, unbinds...)
}

// uncertain has an answer lost that nobody can look for, and settles it by hand.
func (c *fullStackHarness) uncertain(t *testing.T) {
	t.Helper()
	if err := c.simulator.AddFault(dyplstest.Fault{Action: "BindAxn", Do: dyplstest.DropAfter, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := tasks.BindAXN.Enqueue(t.Context(), c.queue, bindRequest(), tasks.TaskID("lost")); err != nil {
		t.Fatal(err)
	}
	if o, err := c.queue.Wait(t.Context(), "lost"); err != nil || o.State != tasks.StateUncertain {
		t.Fatalf("%+v, %v", o, err)
	}
	redistest.Poll(t, fullStackWithin, "the list of what is held", func(ctx context.Context) error {
		held, err := record.NewStore(c.client).Held(ctx, 10)
		if err == nil && (len(held.Tasks) != 1 || held.Tasks[0].ID != "lost") {
			err = fmt.Errorf("%+v", held)
		}
		return err
	})
	if err := c.queue.Resolve(t.Context(), "lost", tasks.ResolveFailed("test")); err != nil {
		t.Fatal(err)
	}
}

// told: whoever follows hears of every outcome, and the index is empty.
func (c *fullStackHarness) followed(t *testing.T) {
	t.Helper()
	redistest.Poll(t, fullStackWithin, "every outcome to be told", func(ctx context.Context) error {
		open := int64(0)
		for shard := range 16 {
			open += c.client.ZCard(ctx, fmt.Sprintf("dypls:open:{%02x}", shard)).Val()
		}
		if open > 0 {
			return fmt.Errorf("%d are not", open)
		}
		return nil
	})
	ctx, stop := context.WithTimeout(t.Context(), fullStackWithin)
	defer stop()
	heard := map[string]bool{}
	want := c.client.XLen(ctx, record.Stream).Val()
	_ = c.queue.Follow(ctx, "test", "one", func(_ context.Context, o tasks.Outcome) error {
		heard[o.ID] = true
		if heard["lost"] && len(heard) > 3*clusterBinds {
			stop()
		}
		return nil
	})
	if !heard["lost"] || !heard["stock-0"] || !heard["left-0"] {
		t.Errorf("%d of %d outcomes were heard", len(heard), want)
	}
}
