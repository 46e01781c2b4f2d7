package main

import (
	"context"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

const (
	shortQueue = 1_000
	longQueue  = 100_000
)

// backlog measures whether the length of the queue matters: it is kept by a producer that adds what
// is taken.
func (b *bench) backlog(ctx context.Context) (section, error) {
	var found section
	table := figure.Table{Head: []string{
		"", "queued", "tasks/s", "x the short queue", "scripts/task", "commands/task",
		"worker CPU us/task", "store CPU us/task",
	}}
	lengths := []int{shortQueue, longQueue}
	if b.short {
		lengths = []int{100, 2_000}
	}
	for _, c := range b.among(0, oursName) {
		all := map[int][]sample{}
		for range b.roundsOr(1) {
			for _, length := range lengths {
				s, err := b.keepQueued(ctx, c, length)
				if err != nil {
					return found, err
				}
				all[length] = append(all[length], s)
			}
		}
		rates := column(all[lengths[0]], sample.rate)
		for _, length := range lengths {
			samples := all[length]
			ratio := figure.Median(figure.Ratios(column(samples, sample.rate), rates))
			commands := medianOf(samples, func(s sample) float64 { return s.each(float64(s.commands.All)) })
			table.Add(c.Name(), figure.Format(float64(length), 0),
				figure.Format(medianOf(samples, sample.rate), 0), figure.Format(ratio, 2),
				figure.Format(medianOf(samples, func(s sample) float64 { return s.each(float64(s.commands.Scripts)) }), 2), figure.Format(commands, 1),
				figure.Format(medianOf(samples, func(s sample) float64 { return s.microseconds(s.worker) }), 0),
				figure.Format(medianOf(samples, func(s sample) float64 { return s.microseconds(s.store) }), 0))
			if c.Name() == oursName && length == lengths[1] {
				before := medianOf(all[lengths[0]], func(s sample) float64 {
					return s.each(float64(s.commands.All))
				})
				b.claimBacklog(figure.Ratio(commands, before), ratio)
			}
		}
	}
	found.text = tableText(table) + "\nA producer keeps so many tasks queued; its own commands are in the figures. 0 ms round trip, 0 ms call, one worker with 64 slots.\n"
	return found, nil
}

func (b *bench) keepQueued(
	ctx context.Context, c contender.Contender, length int,
) (s sample, err error) {
	numbers := length + int(fastest*(b.window+longestWarmUp).Seconds())
	a, err := b.open(ctx, c, conditions{workers: 1, slots: 64, numbers: numbers})
	if err != nil {
		return s, err
	}
	defer func() {
		if closing := a.close(); err == nil {
			err = closing
		}
	}()
	if err := a.fill(ctx, length); err != nil {
		return s, err
	}
	keeping, stop := context.WithCancel(ctx)
	kept := make(chan error, 1)
	go func() { kept <- a.keep(keeping, length) }()
	defer func() {
		stop()
		if stopped := <-kept; err == nil {
			err = stopped
		}
	}()
	if err := a.employ(); err != nil {
		return s, err
	}
	if err := b.warmUp(ctx, a); err != nil {
		return s, err
	}
	s, err = b.overWindow(ctx, a)
	b.progressf("%d queued: %s: %.0f/s, %.1f commands/task", length, c.Name(), s.rate(), s.each(float64(s.commands.All)))
	return s, err
}

// keep adds as many tasks as are taken, until ctx ends.
func (a *arena) keep(ctx context.Context, length int) error {
	batch := min(200, length/4)
	for next := length; ctx.Err() == nil; {
		if next-a.calls() > length-batch {
			_ = pause(ctx, 2*time.Millisecond)
			continue
		}
		if err := a.filler.EnqueueBatch(ctx, next, batch); err != nil && ctx.Err() == nil {
			return err
		}
		next += batch
	}
	return nil
}
