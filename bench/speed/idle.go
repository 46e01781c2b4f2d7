package main

import (
	"context"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

// idle measures what a worker costs that has nothing to do.
func (b *bench) idle(ctx context.Context) (section, error) {
	var found section
	table := figure.Table{
		Head: []string{"", "worker CPU %", "store CPU %", "scripts/s", "commands/s", "worker memory MB"},
	}
	names := []string{oursName, scriptName, tunedName, riverName}
	all := taken{}
	for round := range b.roundsOr(1) {
		for _, c := range b.among(round, names...) {
			s, err := b.doNothing(ctx, c)
			if err != nil {
				return found, err
			}
			all[c.Name()] = append(all[c.Name()], s)
		}
	}
	for _, c := range b.among(0, names...) {
		median := func(decimals int, of func(sample) float64) string {
			return figure.Format(medianOf(all[c.Name()], of), decimals)
		}
		perSecond := func(of func(sample) int64) string {
			if c.Name() == riverName {
				return "-"
			}
			return median(0, func(s sample) float64 {
				return figure.Ratio(float64(of(s)), s.took.Seconds())
			})
		}
		table.Add(c.Name(), median(1, func(s sample) float64 { return s.share(s.worker) }),
			median(1, func(s sample) float64 { return s.share(s.store) }),
			perSecond(func(s sample) int64 { return s.commands.Scripts }),
			perSecond(func(s sample) int64 { return s.commands.All }),
			median(0, func(s sample) float64 { return float64(s.memory) / (1 << 20) }))
	}
	found.text = tableText(table) + "\nOne worker with 64 slots and an empty queue; per cent of one CPU.\n"
	return found, nil
}

func (b *bench) doNothing(ctx context.Context, c contender.Contender) (s sample, err error) {
	a, err := b.open(ctx, c, conditions{workers: 1, slots: 64})
	if err != nil {
		return s, err
	}
	defer func() {
		if closing := a.close(); err == nil {
			err = closing
		}
	}()
	if err := a.employ(); err != nil {
		return s, err
	}
	if err := pause(ctx, b.window/4); err != nil { // it has started up
		return s, err
	}
	s, err = b.overWindow(ctx, a)
	b.progressf("idle: %s: %.1f %% and %.1f %% of a CPU over %s", c.Name(), s.share(s.worker), s.share(s.store), s.took.Round(time.Second))
	return s, err
}
