package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

// effort is what enqueueing costs, and what waits for an outcome: one caller, and many.
type effort struct {
	took   []time.Duration // of an Enqueue
	batch  float64         // tasks a second
	waited wait
	footprint
}

// sealed measures dyplsq with and without keys, in turns: everything that may hold a number is
// sealed by them.
func (b *bench) sealed(ctx context.Context) (section, error) {
	dir, err := os.MkdirTemp("", "bench-keys-")
	if err != nil {
		return section{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	keys, err := contender.Sealed(b.program, filepath.Join(dir, "keys.json"))
	if err != nil {
		return section{}, err
	}
	both := []contender.Contender{contender.Ours(b.program), keys}
	found, err := b.sealedThroughput(ctx, both)
	if err != nil {
		return found, err
	}
	text, err := b.sealedEffort(ctx, both)
	found.text += "\n" + text
	return found, err
}

// inTurn does something for both, another one first in each round.
func (b *bench) inTurn(
	rounds int, both []contender.Contender, do func(contender.Contender) error,
) error {
	for round := range rounds {
		order := slices.Clone(both)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, c := range order {
			if err := do(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) sealedThroughput(ctx context.Context, both []contender.Contender) (section, error) {
	var found section
	off, on := both[0].Name(), both[1].Name()
	table := figure.Table{Head: []string{
		"round trip / call", "", "tasks/s", "x without keys", "worker CPU us/task", "store CPU us/task",
		"KB/task", "worker memory MB",
	}}
	cells := []conditions{
		{workers: 1, slots: 64},
		{workers: 1, slots: 64, stocked: true},
		{roundTrip: time.Millisecond, api: 50 * time.Millisecond, workers: 1, slots: 256},
	}
	if b.short {
		cells = cells[1:2]
	}
	for _, cond := range cells {
		name := cell{conditions: cond}.name()
		all := taken{}
		err := b.inTurn(b.roundsOr(defaultRounds), both, func(c contender.Contender) error {
			s, err := b.drain(ctx, c, cond)
			all[c.Name()] = append(all[c.Name()], s)
			return err
		})
		if err != nil {
			return found, err
		}
		group := figure.Group{Name: name + ": tasks/s"}
		rates := column(all[off], sample.rate)
		for _, c := range both {
			samples := all[c.Name()]
			median := func(decimals int, of func(sample) float64) string {
				return figure.Format(medianOf(samples, of), decimals)
			}
			table.Add(name, c.Name(), median(0, sample.rate),
				figure.Format(figure.Median(figure.Ratios(column(samples, sample.rate), rates)), 2),
				median(0, func(s sample) float64 { return s.microseconds(s.worker) }),
				median(0, func(s sample) float64 { return s.microseconds(s.store) }),
				median(1, func(s sample) float64 { return s.each(float64(s.commands.Bytes)) / (1 << 10) }),
				median(0, func(s sample) float64 { return float64(s.memory) / (1 << 20) }))
			group.Bars = append(
				group.Bars, figure.Bar{Name: c.Name(), Value: medianOf(samples, sample.rate)},
			)
		}
		found.groups = append(found.groups, group)
		b.atLeast(
			name+": tasks/s with keys against without", sealedAtLeast,
			figure.Median(figure.Ratios(column(all[on], sample.rate), rates)),
		)
	}
	found.text = tableText(table)
	return found, nil
}

// sealedAtLeast is the share of the throughput that is left with keys.
const sealedAtLeast = 0.9

func (b *bench) sealedEffort(ctx context.Context, both []contender.Contender) (string, error) {
	load := defaultHalfLoad
	if b.short {
		load = lightLoad
	}
	all := map[string]*effort{both[0].Name(): {}, both[1].Name(): {}}
	batches := map[string][]float64{}
	err := b.inTurn(b.roundsOr(1), both, func(c contender.Contender) error {
		e := all[c.Name()]
		if err := b.enqueueEach(ctx, c, e); err != nil {
			return err
		}
		batches[c.Name()] = append(batches[c.Name()], e.batch)
		w, err := b.waitFor(ctx, c, load)
		if err != nil {
			return err
		}
		e.waited.took, e.waited.failed = append(e.waited.took, w.took...), e.waited.failed+w.failed
		e.footprint, err = b.footprint(ctx, c)
		return err
	})
	table := figure.Table{Head: []string{
		"", "enqueue p50 us", "enqueue p99 us", "in batches, tasks/s", "outcome p50 ms", "outcome p99 ms",
		"bytes a waiting task", "bytes a finished task",
	}}
	for _, c := range both {
		e := all[c.Name()]
		us := func(p float64) string {
			return figure.Format(float64(figure.Percentile(e.took, p).Microseconds()), 0)
		}
		table.Add(c.Name(), us(50), us(99), figure.Format(figure.Median(batches[c.Name()]), 0),
			figure.Milliseconds(figure.Percentile(e.waited.took, 50)),
			figure.Milliseconds(figure.Percentile(e.waited.took, 99)),
			figure.Format(e.waiting, 0), figure.Format(e.finished, 0))
	}
	return tableText(table) + "\nThe same program and library, with and without a file of keys (AES-256-GCM). With an inventory each bind leases its X from it; " +
		"the other binds leave it to the platform. An Enqueue is one caller's, at 0 ms; a batch is 500 tasks; an outcome is waited for under " +
		figure.Format(float64(load), 0) + " tasks a second. Ratios are those of the same round.\n", err
}

// enqueueEach measures each Enqueue of one caller, and batches after that.
func (b *bench) enqueueEach(ctx context.Context, c contender.Contender, e *effort) (err error) {
	a, err := b.open(ctx, c, conditions{workers: 1, slots: 64})
	if err != nil {
		return err
	}
	defer func() {
		if closing := a.close(); err == nil {
			err = closing
		}
	}()
	next, warm := 0, time.Now().Add(b.window/10)
	_, err = b.repeat(func() (int, error) {
		began := time.Now()
		err := a.producer.Enqueue(ctx, next)
		if took := time.Since(began); began.After(warm) {
			e.took = append(e.took, took)
		}
		next++
		return 1, err
	})
	if err != nil {
		return err
	}
	e.batch, err = b.repeat(func() (int, error) {
		next += enqueueBatch
		return enqueueBatch, a.producer.EnqueueBatch(ctx, next-enqueueBatch, enqueueBatch)
	})
	b.progressf(
		"enqueue: %s: p50 %s, in batches %.0f/s", c.Name(), figure.Percentile(e.took, 50), e.batch,
	)
	return err
}
