package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// TestUnreplicated: a task that no replica has is an error that says what to do, with the id;
// repeated, it is the same task.
func TestUnreplicated(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	queue := queuetest.New(t, tasks.Config{Client: master.Client(t), WaitReplicas: 1})
	replica.Freeze(t)
	// the second time nothing is left to be written, and the replica does not have it either
	for range 2 {
		id, err := queuetest.ID(tasks.BindAXN.Enqueue(t.Context(), queue, axn(), tasks.TaskID("k")))
		if id != "k" || !errors.Is(err, tasks.ErrUnreplicated) || !errors.Is(err, tasks.ErrUnreachable) {
			t.Fatalf("%q, %v", id, err)
		}
		t.Log(err)
	}
	replica.Thaw(t)
	redistest.Poll(t, time.Minute, "the replica to have it", func(ctx context.Context) error {
		_, err := tasks.BindAXN.Enqueue(ctx, queue, axn(), tasks.TaskID("k"))
		return err
	})
}

// TestFailoverKeepsWhatWasAcknowledged: the master is killed under load; its replica knows every
// task that was enqueued without an error.
func TestFailoverKeepsWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	const producers = 8
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	queue := queuetest.New(t, tasks.Config{Client: master.Client(t), WaitReplicas: 1})
	var producing sync.WaitGroup
	var enqueued atomic.Int64
	var killed atomic.Bool
	acknowledged := make([][]string, producers)
	started := time.Now()
	for p := range producers {
		producing.Go(func() {
			for n := 0; !killed.Load(); {
				id := fmt.Sprintf("k-%d-%d", p, n)
				if _, err := tasks.BindAXN.Enqueue(t.Context(), queue, axn(), tasks.TaskID(id)); err != nil {
					continue // under the same key, as the error says
				}
				acknowledged[p] = append(acknowledged[p], id)
				enqueued.Add(1)
				n++
			}
		})
	}
	redistest.Poll(t, time.Minute, "a thousand tasks", func(context.Context) error {
		if n := enqueued.Load(); n < 1000 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	took := time.Since(started)
	master.Kill()
	killed.Store(true)
	producing.Wait()
	replica.Promote(t)
	after := queuetest.On(t, replica.Client(t))
	known := 0
	for _, ids := range acknowledged {
		for _, id := range ids {
			if _, err := after.View(t.Context(), id); err != nil {
				t.Errorf("%s was acknowledged: %v", id, err)
			}
			known++
		}
	}
	t.Logf("%d tasks acknowledged, the first thousand in %s, all known to the replica", known, took.Round(time.Millisecond))
}
