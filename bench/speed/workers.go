package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

// workers shares the same slots out among 1, 2, 4 and 8 processes.
func (b *bench) workers(ctx context.Context) (section, error) {
	var found section
	counts := []int{1, 2, 4, 8}
	if b.short {
		counts = []int{2}
	}
	names := []string{oursName, scriptName, tunedName, riverName}
	if b.short {
		names = names[:1]
	}
	table := figure.Table{Head: []string{"workers"}}
	for _, c := range b.among(0, names...) {
		table.Head = append(table.Head, c.Name())
	}
	table.Head = append(table.Head, "dyplsq x script", "x tuned")
	for _, count := range counts {
		cond := conditions{
			roundTrip: time.Millisecond, api: 50 * time.Millisecond, workers: count, slots: 256,
		}
		all, err := b.drained(ctx, cond, names)
		if err != nil {
			return found, err
		}
		row, group := []string{strconv.Itoa(count)}, figure.Group{
			Name: fmt.Sprintf("%d workers: tasks/s", count),
		}
		for _, c := range b.among(0, names...) {
			rate := medianOf(all[c.Name()], sample.rate)
			row = append(row, figure.Format(rate, 0))
			group.Bars = append(group.Bars, figure.Bar{Name: c.Name(), Value: rate})
		}
		ours := column(all[oursName], sample.rate)
		for _, other := range []string{scriptName, tunedName} {
			row = append(
				row, figure.Format(figure.Median(figure.Ratios(ours, column(all[other], sample.rate))), 2),
			)
		}
		table.Add(row...)
		found.groups = append(found.groups, group)
	}
	found.text = tableText(table) + "\nTasks a second at a round trip of 1 ms and calls of 50 ms, 256 slots in all.\n"
	return found, nil
}

// drained takes from this run what it has measured already.
func (b *bench) drained(ctx context.Context, cond conditions, names []string) (taken, error) {
	if cond.workers == 1 && b.farAndSlow != nil {
		return b.farAndSlow, nil
	}
	return b.drainEach(ctx, cond, b.roundsOr(1), names)
}
