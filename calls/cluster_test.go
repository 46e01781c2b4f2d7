package calls

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// On a cluster the stream, the calls and their indexes are in slots of their own.
func TestCallsOnACluster(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts six servers")
	}
	cluster := redistest.StartCluster(t)
	s, err := New(Config{Redis: tasks.RedisConfig{ClusterNodes: cluster.Nodes()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	run(t, s)
	server := serve(t, s, HandlerConfig{})
	const n = 30
	for i := range n {
		for of, body := range receiptsOf(fmt.Sprintf("c%d", i)) {
			if status := push(t, server, of, "["+body+"]"); status != http.StatusOK {
				t.Fatalf("status %d", status)
			}
		}
	}
	settled(t, s)
	for i := range n {
		id := fmt.Sprintf("c%d", i)
		if c := get(t, s, id); len(c.Receipts) != 6 || !c.Answered() {
			t.Errorf("%v", c)
		}
		if listed, _, err := s.List(t.Context(), Filter{TaskID: "order-" + id}); err != nil || len(listed) != 1 {
			t.Errorf("%d calls of the task, %v", len(listed), err)
		}
	}
	told := map[string]bool{}
	ctx, stop := context.WithTimeout(t.Context(), within)
	defer stop()
	err = s.Follow(ctx, "billing", func(_ context.Context, c Call) error {
		if told[c.ID] = true; len(told) == n {
			stop()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(told) != n {
		t.Errorf("%d calls were told: %v", len(told), err)
	}
}
