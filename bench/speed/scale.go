package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

const (
	// slotsEach is what one worker of the scale table has: so few that this machine can feed four of
	// them.
	slotsEach  = 32
	slowCall   = 50 * time.Millisecond
	threeNodes = 3
)

// scale adds workers, each with slots of its own, on one Redis and on a cluster.
func (b *bench) scale(ctx context.Context) (section, error) {
	var found section
	counts := []int{1, 2, 4}
	if b.short {
		counts = []int{2}
	}
	table := figure.Table{Head: []string{
		"masters", "workers", "tasks/s", "x one worker", "x one master", "of what the slots allow",
		"worker CPU us/task", "Redis CPU us/task",
		"busiest master's share", "commands/task", "KB/task",
	}}
	single := map[int]float64{}
	for _, masters := range []int{0, threeNodes} {
		group, first := figure.Group{Name: fmt.Sprintf("%d masters: tasks/s", max(masters, 1))}, 0.0
		for _, count := range counts {
			cond := conditions{api: slowCall, workers: count, slots: count * slotsEach, masters: masters}
			all, err := b.drainEach(ctx, cond, b.roundsOr(1), []string{oursName})
			if err != nil {
				return found, err
			}
			samples := all[oursName]
			if len(samples) == 0 { // another contender was asked for
				return found, nil
			}
			rate := medianOf(samples, sample.rate)
			if first == 0 {
				first = rate
			}
			if masters == 0 {
				single[count] = rate
			}
			table.Add(strconv.Itoa(max(masters, 1)), strconv.Itoa(count), figure.Format(rate, 0),
				figure.Format(figure.Ratio(rate, first), 2),
				figure.Format(figure.Ratio(rate, single[count]), 2),
				figure.Format(rate*slowCall.Seconds()/float64(cond.slots), 2),
				figure.Format(medianOf(samples, func(s sample) float64 { return s.microseconds(s.worker) }), 0),
				figure.Format(medianOf(samples, func(s sample) float64 { return s.microseconds(s.store) }), 0),
				figure.Format(medianOf(samples, sample.busiest), 2),
				figure.Format(medianOf(samples, func(s sample) float64 {
					return s.each(float64(s.commands.All))
				}), 1),
				figure.Format(medianOf(samples, func(s sample) float64 {
					return s.each(float64(s.commands.Bytes)) / (1 << 10)
				}), 1))
			group.Bars = append(group.Bars, figure.Bar{Name: fmt.Sprintf("%d workers", count), Value: rate})
		}
		found.groups = append(found.groups, group)
	}
	found.text = tableText(table) + fmt.Sprintf("\n%d slots a worker, calls of %s, 0 ms round trip; on the cluster the queues are in %d shards. "+
		"Workers, all masters, the simulator and this program share the machine's processors: where they are all busy, more of anything is no faster.\n",
		slotsEach, short(slowCall), shards)
	return found, nil
}

// busiest is the share of the store's CPU that its busiest process used.
func (s sample) busiest() float64 {
	if len(s.stores) == 0 {
		return 0
	}
	return figure.Ratio(float64(slices.Max(s.stores)), float64(s.store))
}
