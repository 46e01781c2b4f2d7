package tasks_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestWhateverBecomesPendingIsAnnounced: workers hear of one task, of a batch once, of what is for
// later with its time, of a delivery that is made anew, and of a queue that goes on.
func TestWhateverBecomesPendingIsAnnounced(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).AppClient(t)
	queue := queuetest.On(t, client)
	batch := make([]tasks.Item[dypls.BindAXNRequest], 3)
	for i := range batch {
		batch[i].Request = axn()
	}
	due := time.Now().Add(time.Hour / 2).Truncate(time.Second)
	do := func(id string) {
		t.Helper()
		_, one := tasks.BindAXN.Enqueue(t.Context(), queue, axn(), tasks.TaskID(id))
		_, many := tasks.BindAXN.EnqueueAll(t.Context(), queue, batch)
		_, again := queuetest.Dispatcher(client, 1).Redeliver(t.Context(), id, 1)
		goesOn := queue.Resume(t.Context(), "update")
		_, later := tasks.BindAXN.Enqueue(t.Context(), queue, axn(), tasks.ProcessAt(due))
		if err := errors.Join(one, many, again, goesOn, later); err != nil {
			t.Fatal(err)
		}
	}
	do("first") // Redis learns the scripts, and hears some announcements twice
	heard := client.Subscribe(t.Context(), "dypls:pending")
	t.Cleanup(func() { _ = heard.Close() })
	if _, err := heard.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	do("second")
	want := []string{"bind", "bind", "bind", "update", fmt.Sprint("bind ", due.Unix())}
	var got []string
	for range want {
		m, err := heard.ReceiveMessage(t.Context())
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got = append(got, m.Payload)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("announced (-want +got):\n%s", diff)
	}
}
