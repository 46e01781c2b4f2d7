package main

import (
	"context"
	"fmt"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/bench/rig"
)

// employ starts the workers.
func (a *arena) employ() error {
	for i := range a.workers {
		slots := a.slots / a.workers
		if i < a.slots%a.workers {
			slots++
		}
		cmd, err := a.contender.Worker(a.site, slots)
		if err != nil {
			return err
		}
		process, err := rig.Start(cmd, syscall.SIGKILL)
		if err != nil {
			return err
		}
		a.processes = append(a.processes, process)
	}
	return nil
}

// dismiss ends the workers.
func (a *arena) dismiss() {
	for _, process := range a.processes {
		process.Stop()
	}
	a.processes = nil
}

// alive reports a worker that has ended.
func (a *arena) alive() error {
	for _, process := range a.processes {
		if err := process.Err(); err != nil {
			return fmt.Errorf("a worker of %s: %w", a.contender.Name(), err)
		}
	}
	return nil
}

// fill enqueues n tasks, several batches at a time.
func (a *arena) fill(ctx context.Context, n int) error {
	const batch, atOnce = 500, 8
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for from := 0; from < n; from += batch {
		group.Go(func() error { return a.filler.EnqueueBatch(ctx, from, min(batch, n-from)) })
	}
	return group.Wait()
}
