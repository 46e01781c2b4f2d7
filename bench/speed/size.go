package main

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

const (
	sizedTasks  = 20_000
	shortTasks  = 500
	sizedWithin = 90 * time.Second
)

// footprint is what a task takes in the store, in bytes.
type footprint struct{ waiting, finished float64 }

// size measures what a task takes before it has been performed and after it.
func (b *bench) size(ctx context.Context) (section, error) {
	var found section
	table := figure.Table{Head: []string{"", "bytes a waiting task", "bytes a finished task"}}
	for _, c := range b.among(0, oursName, scriptName, tunedName, riverName) {
		f, err := b.footprint(ctx, c)
		if err != nil {
			return found, err
		}
		table.Add(c.Name(), figure.Format(f.waiting, 0), figure.Format(f.finished, 0))
		b.progressf("size: %s: %.0f and %.0f bytes", c.Name(), f.waiting, f.finished)
	}
	found.text = tableText(table) + fmt.Sprintf("\nThe mean of %s tasks: Redis' memory without that of connections, "+
		"or what River's table and its indexes take on disk. A finished task is one whose outcome is kept for a day.\n", figure.Format(sizedTasks, 0))
	return found, nil
}

func (b *bench) footprint(ctx context.Context, c contender.Contender) (f footprint, err error) {
	n := sizedTasks
	if b.short {
		n = shortTasks
	}
	a, err := b.open(ctx, c, conditions{workers: 1, slots: 64, numbers: n})
	if err != nil {
		return f, err
	}
	defer func() {
		if closing := a.close(); err == nil {
			err = closing
		}
	}()
	empty, err := a.bytes(ctx)
	if err != nil {
		return f, err
	}
	if err := a.fill(ctx, n); err != nil {
		return f, err
	}
	full, err := a.bytes(ctx)
	if err != nil {
		return f, err
	}
	if err := a.employ(); err != nil {
		return f, err
	}
	if err := a.finish(ctx, n, sizedWithin); err != nil {
		return f, err
	}
	a.dismiss()
	if err := pause(ctx, time.Second); err != nil { // connections are gone
		return f, err
	}
	over, err := a.bytes(ctx)
	each := func(bytes int64) float64 { return float64(bytes-empty) / float64(n) }
	return footprint{each(full), each(over)}, err
}

// bytes is what the queue takes.
func (a *arena) bytes(ctx context.Context) (int64, error) {
	if sized, ok := a.filler.(interface {
		Size(ctx context.Context) (int64, error)
	}); ok {
		return sized.Size(ctx)
	}
	return a.redis[0].Memory(ctx)
}

// finish waits until n tasks have an outcome.
func (a *arena) finish(ctx context.Context, n int, within time.Duration) error {
	began := time.Now()
	for {
		done, err := a.producer.Finished(ctx)
		if err != nil {
			return err
		}
		if done >= n {
			return nil
		}
		if time.Since(began) > within {
			return fmt.Errorf("%s: %d of %d tasks have no outcome after %s", a.contender.Name(), n-done, n, within)
		}
		if err := a.alive(); err != nil {
			return err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}
