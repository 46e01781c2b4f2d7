package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

const (
	lightLoad       = 25   // tasks a second
	defaultHalfLoad = 1000 // where this run has not measured how much the slowest can do
	outcomeWithin   = 30 * time.Second
)

// wait is what callers waited for their outcomes under one load.
type wait struct {
	took          []time.Duration
	failed        int
	worker, store float64 // per cent of one CPU
}

// latency measures from the call of Enqueue until its caller has the outcome.
func (b *bench) latency(ctx context.Context) (section, error) {
	var found section
	half := defaultHalfLoad
	if b.halfLoad > 0 {
		half = b.halfLoad
	}
	table := figure.Table{
		Head: []string{"load", "", "p50 ms", "p99 ms", "tasks", "failed", "worker CPU %", "store CPU %"},
	}
	loads := []struct {
		name string
		rate int
	}{{"light", lightLoad}, {"half", half}}
	if b.short {
		loads = loads[:1]
	}
	for _, load := range loads {
		label := fmt.Sprintf("%s, %d/s", load.name, load.rate)
		group := figure.Group{Name: label + ": p99 in ms"}
		all := map[string]wait{}
		for round := range b.roundsOr(1) {
			for _, c := range b.among(round, oursName, scriptName, tunedName, riverName, directName) {
				w, err := b.waitFor(ctx, c, load.rate)
				if err != nil {
					return found, err
				}
				if earlier, again := all[c.Name()]; again { // the rounds together are one distribution
					w.took, w.failed = append(earlier.took, w.took...), earlier.failed+w.failed
				}
				all[c.Name()] = w
			}
		}
		for _, c := range b.among(0, oursName, scriptName, tunedName, riverName, directName) {
			w := all[c.Name()]
			p50, p99 := figure.Percentile(w.took, 50), figure.Percentile(w.took, 99)
			table.Add(label, c.Name(), figure.Milliseconds(p50), figure.Milliseconds(p99),
				strconv.Itoa(len(w.took)), strconv.Itoa(w.failed),
				figure.Format(w.worker, 1), figure.Format(w.store, 1))
			group.Bars = append(
				group.Bars, figure.Bar{Name: c.Name(), Value: float64(p99) / float64(time.Millisecond)},
			)
			if c.Name() == oursName && load.rate == lightLoad {
				b.claimLatency(p50, p99)
			}
		}
		found.groups = append(found.groups, group)
	}
	found.text = tableText(table) + "\n0 ms round trip, 0 ms call, one worker with 64 slots; tasks come at random, as callers do. " +
		"The callers of dyplsq and of tuned are told by Redis, the script's ask the Inspector every 100 ms, " +
		"River's ask PostgreSQL every 20 ms, all of them with one query. River's worker writes down what it has done up to 250 ms later. " +
		"Half the load is half of what the slowest drains.\n"
	return found, nil
}

func (b *bench) waitFor(ctx context.Context, c contender.Contender, rate int) (w wait, err error) {
	const lasting = 40 // windows' worth of tasks, at most
	a, err := b.open(ctx, c, conditions{
		workers: 1, slots: 64, numbers: int(float64(rate)*b.window.Seconds()*lasting/10) + 1000,
	})
	if err != nil {
		return w, err
	}
	defer func() {
		if closing := a.close(); err == nil {
			err = closing
		}
	}()
	if c.Name() != directName { // whose callers are in this process
		if err := a.employ(); err != nil {
			return w, err
		}
	}
	l := &load{arena: a}
	// At first nothing is written down: until the pace is reached, and until what queued up meanwhile
	// is done.
	settled := func() bool { return b.short || l.finishedIn(time.Second) >= int64(rate)*8/10 }
	l.run(ctx, rate, b.window/5, longestWarmUp, settled)
	l.callers.Wait()
	before, err := a.take(ctx)
	if err != nil {
		return w, err
	}
	l.note()
	l.run(ctx, rate, b.window, b.window, func() bool { return true })
	after, err := a.take(ctx)
	if err != nil {
		return w, err
	}
	w.took, w.failed = l.end()
	s := after.since(before)
	w.worker, w.store = s.share(s.worker), s.share(s.store)
	b.progressf("%d/s: %s: p50 %s, p99 %s ms, %d failed", rate, c.Name(),
		figure.Milliseconds(figure.Percentile(w.took, 50)),
		figure.Milliseconds(figure.Percentile(w.took, 99)), w.failed)
	return w, ctx.Err()
}
