package main

import (
	"context"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

const enqueueBatch = 500

// pace is how fast a contender enqueues, in tasks a second.
type pace struct{ single, batch float64 }

// enqueue measures one caller that enqueues one task after the other, and one that enqueues in
// batches.
func (b *bench) enqueue(ctx context.Context) (section, error) {
	var found section
	table := figure.Table{Head: []string{
		"round trip", "", "one by one, tasks/s", "in batches, tasks/s",
		"batches x a loop of asynq's Enqueue",
	}}
	names := []string{oursName, scriptName, tunedName, riverName}
	roundTrips := []time.Duration{0, time.Millisecond}
	if b.short {
		roundTrips = roundTrips[:1]
	}
	for _, roundTrip := range roundTrips {
		all := map[string][]pace{}
		for round := range b.roundsOr(1) {
			for _, c := range b.among(round, names...) {
				p, err := b.enqueuePace(ctx, c, roundTrip)
				if err != nil {
					return found, err
				}
				all[c.Name()] = append(all[c.Name()], p)
			}
		}
		single := figure.Group{Name: short(roundTrip) + ", one by one: tasks/s"}
		batch := figure.Group{Name: short(roundTrip) + ", in batches: tasks/s"}
		loops := paces(all[scriptName], func(p pace) float64 { return p.single })
		for _, c := range b.among(0, names...) {
			singles := paces(all[c.Name()], func(p pace) float64 { return p.single })
			batches := paces(all[c.Name()], func(p pace) float64 { return p.batch })
			ratio := figure.Median(figure.Ratios(batches, loops))
			table.Add(
				short(roundTrip), c.Name(), figure.Format(figure.Median(singles), 0),
				figure.Format(figure.Median(batches), 0), figure.Format(ratio, 1),
			)
			single.Bars = append(single.Bars, figure.Bar{Name: c.Name(), Value: figure.Median(singles)})
			batch.Bars = append(batch.Bars, figure.Bar{Name: c.Name(), Value: figure.Median(batches)})
			if c.Name() == oursName {
				b.claimEnqueue(roundTrip, ratio)
			}
		}
		found.groups = append(found.groups, single, batch)
	}
	found.text = tableText(table) + "\nOne caller, no worker, every task under a key of the caller's. A batch is 500 tasks: EnqueueAll, InsertManyFast; " +
		"asynq has none, so that tuned enqueues from 64 goroutines at once and the script only loops.\n"
	return found, nil
}

func paces(all []pace, of func(pace) float64) []float64 {
	values := make([]float64, len(all))
	for i, p := range all {
		values[i] = of(p)
	}
	return values
}

func (b *bench) enqueuePace(
	ctx context.Context, c contender.Contender, roundTrip time.Duration,
) (p pace, err error) {
	a, err := b.open(ctx, c, conditions{roundTrip: roundTrip, workers: 1, slots: 64})
	if err != nil {
		return p, err
	}
	defer func() {
		if closing := a.close(); err == nil {
			err = closing
		}
	}()
	next := 0
	p.single, err = b.repeat(func() (int, error) {
		next++
		return 1, a.producer.Enqueue(ctx, next-1)
	})
	if err != nil {
		return p, err
	}
	p.batch = figure.None()
	if c.Name() != scriptName {
		p.batch, err = b.repeat(func() (int, error) {
			next += enqueueBatch
			return enqueueBatch, a.producer.EnqueueBatch(ctx, next-enqueueBatch, enqueueBatch)
		})
	}
	b.progressf("enqueue at %s: %s: %.0f/s, in batches %.0f/s", short(roundTrip), c.Name(), p.single, p.batch)
	return p, err
}

// repeat does a step over and over for as long as is measured, after a tenth of it that is not.
func (b *bench) repeat(step func() (int, error)) (perSecond float64, err error) {
	began := time.Now()
	for time.Since(began) < b.window/10 {
		if _, err := step(); err != nil {
			return 0, err
		}
	}
	done := 0
	began = time.Now()
	for time.Since(began) < b.window {
		n, err := step()
		if err != nil {
			return 0, err
		}
		done += n
	}
	return float64(done) / time.Since(began).Seconds(), nil
}
