package consumergroup_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/consumergroup"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(redistest.Run(m)) }

const within = time.Minute

// reading is a reader that runs until the test ends, and what it was handed.
type reading struct {
	consumergroup.Reader

	mu     sync.Mutex
	got    []string
	refuse map[string]int // how often an entry is refused
	ended  chan error
}

func groupOf(client redis.UniversalClient, consumer string) consumergroup.Group {
	return consumergroup.Group{Redis: client, Stream: "stream", Name: "g", Consumer: consumer, Idle: 300 * time.Millisecond}
}

func read(t *testing.T, g consumergroup.Group, replays bool, refuse map[string]int) *reading {
	t.Helper()
	r := &reading{refuse: refuse, ended: make(chan error, 1)}
	r.Reader = consumergroup.Reader{Group: g, Count: 4, Replays: replays}
	r.Handle = func(ctx context.Context, entries []redis.XMessage) error {
		return r.Each(ctx, entries, func(i int) (taken bool, err error) {
			name, kept := entries[i].Values["name"].(string)
			if !kept {
				return true, nil
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.got = append(r.got, name)
			r.refuse[name]--
			return r.refuse[name] < 0, nil
		})
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() { r.ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-r.ended; !errors.Is(err, context.Canceled) && !errors.Is(err, redis.ErrClosed) {
			t.Errorf("it ended with %v", err)
		}
	})
	return r
}

func (r *reading) wants(t *testing.T, want ...string) {
	t.Helper()
	redistest.Poll(t, within, fmt.Sprint(want), func(context.Context) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !slices.Equal(r.got, want) {
			return fmt.Errorf("%v", r.got)
		}
		return nil
	})
}

func add(t *testing.T, client redis.UniversalClient, names ...string) (entries []string) {
	t.Helper()
	for _, name := range names {
		entry, err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: "stream", Values: []any{"name", name}}).Result()
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry)
	}
	return entries
}

func settled(t *testing.T, client redis.UniversalClient) {
	t.Helper()
	redistest.Poll(t, within, "all to be acknowledged", func(ctx context.Context) error {
		pending, err := client.XPending(ctx, "stream", "g").Result()
		if err == nil && pending.Count > 0 {
			err = fmt.Errorf("%d are not", pending.Count)
		}
		return err
	})
}

// What was refused comes again while the rest goes on: soon where it is replayed, and
// otherwise when it is overdue.
func TestRefusedIsHandedOverAgain(t *testing.T) {
	t.Parallel()
	for name, replays := range map[string]bool{"replayed": true, "overdue": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := redistest.Start(t).Client(t)
			add(t, client, "a", "b", "c")
			r := read(t, groupOf(client, "one"), replays, map[string]int{"b": 2})
			r.wants(t, "a", "b", "c", "b", "b")
			settled(t, client)
		})
	}
}

// What a consumer that died was given is taken over, but for what the stream does not keep any
// more; and so is what was refused or given out before this consumer's own restart.
func TestDeadConsumersEntriesAreTakenOver(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	entries := add(t, client, "a", "b", "c", "d", "e", "f")
	dead := groupOf(client, "dead")
	given, err := dead.Take(t.Context(), 5)
	if err != nil || len(given) != 5 {
		t.Fatal(given, err)
	}
	if err := client.XDel(t.Context(), "stream", entries[1], entries[2]).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := dead.Acknowledge(t.Context(), entries[3]); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	r := read(t, groupOf(client, "heir"), true, map[string]int{})
	redistest.Poll(t, within, "the rest", func(context.Context) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if got := slices.Sorted(slices.Values(r.got)); !slices.Equal(got, []string{"a", "e", "f"}) {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
	settled(t, client)
}

// Nobody is given what a live consumer has, and more than is wanted is given to nobody.
func TestTakeGivesEachEntryOnce(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client(t)
	add(t, client, "a", "b", "c")
	g := groupOf(client, "one")
	g.Idle = time.Hour
	for _, want := range []int{2, 1, 0} {
		if given, err := g.Take(t.Context(), 2); len(given) != want || err != nil {
			t.Errorf("%v, want %d: %v", given, want, err)
		}
	}
	g.Idle = time.Millisecond
	redistest.Poll(t, within, "all to be overdue", func(ctx context.Context) error {
		given, err := g.Take(ctx, 3)
		if err == nil && (len(given) != 3 || given[2].Values["name"] != "c") {
			err = fmt.Errorf("%v", given)
		}
		return err
	})
}

// A group that Redis has lost is made again, and begins with the oldest that is kept; a client that
// is closed ends the reading.
func TestReaderOutlivesItsGroup(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, own := server.Client(t), server.AppClient(t)
	add(t, client, "a")
	r := read(t, groupOf(own, "one"), false, map[string]int{})
	r.wants(t, "a")
	settled(t, client)
	if err := client.XGroupDestroy(t.Context(), "stream", "g").Err(); err != nil {
		t.Fatal(err)
	}
	add(t, client, "b")
	r.wants(t, "a", "a", "b")
	_ = own.Close()
	if err := <-r.ended; !errors.Is(err, redis.ErrClosed) {
		t.Errorf("it ended with %v", err)
	}
	r.ended <- redis.ErrClosed // for the end of the test
}
