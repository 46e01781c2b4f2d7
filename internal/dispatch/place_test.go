package dispatch_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/dispatch"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

func newDispatcher(client redis.UniversalClient, shards int) *dispatch.Dispatcher {
	return dispatch.New(dispatch.Config{Redis: client, Records: record.NewStore(client), Shards: shards, Now: time.Now})
}

// TestPlace: where a task goes must never change, or programs of two versions disagree.
func TestPlace(t *testing.T) {
	t.Parallel()
	d := newDispatcher(redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}), 6)
	got := map[string]string{}
	for _, id := range []string{"order-1", "order-2", "order-3", "order-4", "0199c7a0-0000-7000-8000-000000000000"} {
		got[id] = d.Place(t.Context(), "bind", id)
	}
	want := map[string]string{
		"order-1": "bind.5", "order-2": "bind.0", "order-3": "bind.2", "order-4": "bind.2", "0199c7a0-0000-7000-8000-000000000000": "bind.5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestPlacesAreEven: each shard gets its part of the tasks, and each master of a cluster, however
// many shards it has.
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
		d := newDispatcher(test.client, shards)
		for _, of := range dispatch.Queues() {
			counts := map[string]int{}
			places := map[string]bool{}
			for i := range ids {
				place := d.Place(t.Context(), of, fmt.Sprint("order-", 2*i))
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
		if got, ours := dispatch.QueueOf(name); ours != (want != "") || ours && got != want {
			t.Errorf("%s: %q, %v", name, got, ours)
		}
	}
	if got := dispatch.ShardsOf("bind", 3); !slices.Equal(got, []string{"bind.0", "bind.1", "bind.2"}) {
		t.Errorf("%q", got)
	}
	if got := dispatch.ShardsOf("bind", 1); !slices.Equal(got, []string{"bind"}) {
		t.Errorf("%q", got)
	}
}
