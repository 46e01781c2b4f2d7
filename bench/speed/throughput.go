package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

// cell is a kind of conditions under which contenders are compared.
type cell struct {
	conditions

	rounds int
}

func (c cell) name() string {
	name := fmt.Sprintf("%s / %s, %d slots", short(c.roundTrip), short(c.api), c.slots)
	if c.durable {
		name += ", append-only file"
	}
	if c.stocked {
		name += ", inventory"
	}
	return name
}

// cells: those that must be shown are measured more often.
func (b *bench) cells() []cell {
	const far, slow = time.Millisecond, 50 * time.Millisecond
	if b.short {
		return []cell{
			{conditions{workers: 1, slots: 64}, 1},
			{conditions{roundTrip: far, api: slow, workers: 1, slots: 256}, 1},
		}
	}
	return []cell{
		{conditions{workers: 1, slots: 64}, b.roundsOr(defaultRounds)},
		{conditions{workers: 1, slots: 64, durable: true}, b.roundsOr(1)},
		{conditions{api: slow, workers: 1, slots: 256}, b.roundsOr(1)},
		{conditions{roundTrip: far, workers: 1, slots: 64}, b.roundsOr(1)},
		{conditions{roundTrip: far, api: slow, workers: 1, slots: 256}, b.roundsOr(defaultRounds)},
	}
}

// taken are the samples of contenders, round by round.
type taken map[string][]sample

// throughput drains a full queue under each of the conditions.
func (b *bench) throughput(ctx context.Context) (section, error) {
	var found section
	table := figure.Table{Head: []string{
		"round trip / call", "", "tasks/s", "x script", "x tuned", "worker CPU us/task",
		"store CPU us/task",
		"scripts/task", "commands/task", "requests/task", "KB/task", "worker memory MB", "calls wasted",
		"rest CPU us/task",
	}}
	for _, c := range b.cells() {
		if !strings.Contains(c.name(), b.condition) {
			continue
		}
		names := []string{oursName, scriptName, tunedName, riverName}
		if c.roundTrip == 0 { // without a queue there is no way to it
			names = append(names, directName)
		}
		all, err := b.drainEach(ctx, c.conditions, c.rounds, names)
		if err != nil {
			return found, err
		}
		group := figure.Group{Name: c.name() + ": tasks/s"}
		for _, contender := range b.among(0, names...) {
			table.Add(throughputRow(c.name(), contender.Name(), all)...)
			group.Bars = append(
				group.Bars,
				figure.Bar{Name: contender.Name(), Value: medianOf(all[contender.Name()], sample.rate)},
			)
		}
		found.groups = append(found.groups, group)
		b.claimThroughput(c.conditions, all)
	}
	found.text = tableText(table) + "\nA drained queue: enqueued before, the outcome recorded, nobody waits for it. " +
		"Ratios are those of the same round, medians of the rounds. " +
		"Redis keeps nothing on the disk but where an append-only file (everysec) is named. " +
		"Store is Redis, or PostgreSQL with all its processes; scripts and commands are Redis', commands inside scripts included, requests what it read of " +
		"connections at once, KB what came and went; " +
		"rest is this program: the simulator and the line." + b.pinged() + "\n"
	return found, nil
}

// drainEach drains a queue by each of the contenders, round by round.
func (b *bench) drainEach(
	ctx context.Context, cond conditions, rounds int, names []string,
) (taken, error) {
	all := taken{}
	for round := range rounds {
		for _, c := range b.among(round, names...) {
			s, err := b.drain(ctx, c, cond)
			if err != nil {
				return nil, err
			}
			all[c.Name()] = append(all[c.Name()], s)
		}
	}
	return all, nil
}

func throughputRow(cell, name string, all taken) []string {
	samples := all[name]
	rates := column(samples, sample.rate)
	ratio := func(to string) string {
		return figure.Format(figure.Median(figure.Ratios(rates, column(all[to], sample.rate))), 2)
	}
	median := func(decimals int, of func(sample) float64) string {
		return figure.Format(medianOf(samples, of), decimals)
	}
	row := []string{
		cell, name, median(0, sample.rate), ratio(scriptName), ratio(tunedName),
		median(0, func(s sample) float64 { return s.microseconds(s.worker) }),
	}
	if name == directName {
		row = append(row, "-", "-", "-", "-", "-")
	} else {
		row = append(row, median(0, func(s sample) float64 { return s.microseconds(s.store) }))
		if name == riverName {
			row = append(row, "-", "-", "-", "-")
		} else {
			row = append(row,
				median(2, func(s sample) float64 { return s.each(float64(s.commands.Scripts)) }),
				median(1, func(s sample) float64 { return s.each(float64(s.commands.All)) }),
				median(2, func(s sample) float64 { return s.each(float64(s.commands.Reads)) }),
				median(1, func(s sample) float64 { return s.each(float64(s.commands.Bytes)) / (1 << 10) }))
		}
	}
	return append(row,
		median(0, func(s sample) float64 { return float64(s.memory) / (1 << 20) }),
		median(0, func(s sample) float64 { return float64(s.wasted) }),
		median(0, func(s sample) float64 { return s.microseconds(s.harness) }))
}

func tableText(t figure.Table) string {
	var b strings.Builder
	t.Write(&b)
	return b.String()
}
