package main

import (
	"context"
	"fmt"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
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

// stock gives the pool of the binds an inventory, where that is wanted.
func (a *arena) stock(ctx context.Context) error {
	if !a.stocked {
		return nil
	}
	stocker, ok := a.contender.(interface {
		Stock(ctx context.Context, site contender.Site, numbers []dypls.Phone) error
	})
	if !ok {
		return fmt.Errorf("%s has no inventory", a.contender.Name())
	}
	return stocker.Stock(ctx, a.site, dyplstest.Numbers("170", a.numbers))
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
