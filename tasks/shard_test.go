package tasks_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestPlace: where a task goes must never change, or programs of two versions disagree.
func TestPlace(t *testing.T) {
	t.Parallel()
	queue := tasks.NewQueue(redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}), tasks.Shards(6))
	t.Cleanup(func() { _ = queue.Close() })
	got := map[string]string{}
	for _, id := range []string{"order-1", "order-2", "order-3", "order-4", "0199c7a0-0000-7000-8000-000000000000"} {
		got[id] = queue.Place(t.Context(), "bind", id)
	}
	want := map[string]string{
		"order-1": "bind.5", "order-2": "bind.0", "order-3": "bind.2", "order-4": "bind.2", "0199c7a0-0000-7000-8000-000000000000": "bind.5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestPlacesAreEven: each shard gets its part of the tasks, and each master of a cluster, however many shards it has.
func TestPlacesAreEven(t *testing.T) {
	t.Parallel()
	const ids, shards, apart = 6000, 6, 10 // percent
	cluster := redistest.StartMasters(t, 3).Client(t)
	tests := map[string]struct {
		client redis.UniversalClient
		of     func(place string) string
		parts  int
	}{
		"one Redis": {redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}), func(place string) string { return place }, shards},
		"three masters": {cluster, func(place string) string {
			node, err := cluster.MasterForKey(t.Context(), "asynq:{"+place+"}:pending")
			if err != nil {
				t.Fatal(err)
			}
			return node.Options().Addr
		}, 3},
	}
	for name, test := range tests {
		queue := tasks.NewQueue(test.client, tasks.Shards(shards))
		t.Cleanup(func() { _ = queue.Close() })
		for _, of := range tasks.Queues() {
			counts := map[string]int{}
			places := map[string]bool{}
			for i := range ids {
				place := queue.Place(t.Context(), of, fmt.Sprint("order-", 2*i))
				places[place] = true
				counts[test.of(place)]++
			}
			if len(places) != shards || len(counts) != test.parts {
				t.Errorf("%s: %s has tasks in %d shards, on %d", name, of, len(places), len(counts))
			}
			for part, n := range counts {
				if even := ids / test.parts; n*100 < even*(100-apart) || n*100 > even*(100+apart) {
					t.Errorf("%s: %s has %d of %d at %s", name, of, n, ids, part)
				}
			}
		}
	}
}

// TestShardNames: what is a shard, and of what.
func TestShardNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"bind": "bind", "bind.0": "bind", "query.63": "query", "bind.07": "", "bind.": "", "bind.x": "", "default": "", "default.1": "", "bind.1.2": "",
	} {
		if got, ours := tasks.QueueOf(name); ours != (want != "") || ours && got != want {
			t.Errorf("%s: %q, %v", name, got, ours)
		}
	}
	if got := tasks.ShardsOf("bind", 3); !slices.Equal(got, []string{"bind.0", "bind.1", "bind.2"}) {
		t.Errorf("%q", got)
	}
	if got := tasks.ShardsOf("bind", 1); !slices.Equal(got, []string{"bind"}) {
		t.Errorf("%q", got)
	}
}

// TestWrongNumberOfShards: nothing is enqueued under a number that no worker takes.
func TestWrongNumberOfShards(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for _, n := range []int{-1, 0, 65} {
		queue := tasks.NewQueue(server.Client(t), tasks.Shards(n))
		t.Cleanup(func() { _ = queue.Close() })
		if _, err := tasks.BindAXN.Enqueue(t.Context(), queue, axn()); err == nil || !strings.Contains(err.Error(), "must be 1 to 64") {
			t.Errorf("%d: %v", n, err)
		}
		if _, err := tasks.Open(server.URL(), tasks.Shards(n)); err == nil {
			t.Errorf("%d: opened", n)
		}
	}
	if n := server.Client(t).DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys", n)
	}
}
