package record_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// What is left to a teller is told all the same, the rest of it when it is stopped, and is off the
// index then.
func TestTeller(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		const tasks = 700
		teller, behind := record.NewTeller(s.store)
		s.store = behind
		settle := func(n int) {
			id := fmt.Sprint("task-", n)
			s.create(t, id)
			s.finish(t, rejected(id, s.call(t, id, "run").Fence))
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for n := range tasks / 2 {
			settle(n)
		}
		running.Go(func() { teller.Run(ctx) })
		redistest.Poll(t, time.Minute, "what waited to be told", func(ctx context.Context) error {
			if told := s.client.XLen(ctx, record.Stream).Val(); told != tasks/2 {
				return errors.New("not yet")
			}
			return nil
		})
		for n := range tasks / 2 {
			settle(tasks/2 + n)
		}
		stop()
		running.Wait()
		if told := s.client.XLen(t.Context(), record.Stream).Val(); told != tasks {
			t.Errorf("%d outcomes were told, want %d", told, tasks)
		}
		for _, key := range s.client.Keys(t.Context(), "dypls:open:*").Val() {
			t.Errorf("%s has %d entries", key, s.client.ZCard(t.Context(), key).Val())
		}
	})
}

// TestTellerEndsWhileRedisIsAway: twenty thousand outcomes that nobody was told of do not keep a
// process from its end.
func TestTellerEndsWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	teller, behind := record.NewTeller(record.NewStore(server.AppClient(t)))
	for n := range 20_000 {
		record.Leave(behind, fmt.Sprint("task-", n), record.Failed)
	}
	server.Freeze(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		teller.Run(ctx)
	}()
	stop()
	select {
	case <-ended:
	case <-time.After(time.Minute): // forty of them would take two
		t.Error("it goes on though Redis is away")
	}
}

// A task for days ahead that is withdrawn, by a process that ends before it has told so, is looked
// at soon.
func TestCanceledIsLookedAt(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		_, behind := record.NewTeller(s.store) // which never runs
		_, err := behind.Create(t.Context(), []*record.New{{
			ID: "k", Action: "BindAxn", Request: []byte(`{}`), Fingerprint: fingerprint, ProcessAt: time.Now().Add(72 * time.Hour),
		}})
		if err != nil {
			t.Fatal(err)
		}
		if state, err := behind.Cancel(t.Context(), "k", time.Hour); err != nil || state != record.Canceled {
			t.Fatalf("%s, %v", state, err)
		}
		for _, key := range s.client.Keys(t.Context(), "dypls:open:*").Val() {
			due := s.client.ZScore(t.Context(), key, "k").Val()
			if in := time.Until(time.UnixMilli(int64(due))); in > time.Hour {
				t.Errorf("it is looked at in %s", in)
			}
		}
	})
}
