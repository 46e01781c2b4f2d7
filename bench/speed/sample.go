package main

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
	"github.com/seed-5c07c2e9/dyplsq/bench/rig"
)

// sample is what was counted at a moment or, less what was counted before, in a window.
type sample struct {
	at       time.Time
	took     time.Duration
	finished int // tasks
	calls    int
	worker   time.Duration // CPU, of all workers
	store    time.Duration // of all Redis, or of PostgreSQL and all its processes
	stores   []time.Duration
	harness  time.Duration // of this process: the simulator, the line, the producer
	commands rig.Commands
	memory   int64 // the most that one worker had, in bytes
	wasted   int   // calls beyond those that made a bind
}

// take counts everything now.
func (a *arena) take(ctx context.Context) (s sample, err error) {
	if err := a.alive(); err != nil {
		return s, err
	}
	if s.finished, err = a.producer.Finished(ctx); err != nil {
		return s, err
	}
	s.at, s.calls = time.Now(), a.calls()
	for _, process := range a.processes {
		used, err := rig.CPU(process.PID())
		if err != nil {
			return s, err
		}
		peak, err := rig.PeakMemory(process.PID())
		if err != nil {
			return s, err
		}
		s.worker += used
		s.memory = max(s.memory, peak)
	}
	for _, pid := range a.stores {
		used, err := rig.CPU(pid)
		if err != nil {
			return s, err
		}
		s.stores = append(s.stores, used)
		s.store += used
	}
	if s.commands, err = a.redis.Commands(ctx); err != nil {
		return s, err
	}
	s.harness, err = ownCPU()
	return s, err
}

// since is what was counted after an earlier sample.
func (s sample) since(earlier sample) sample {
	s.took = s.at.Sub(earlier.at)
	s.finished -= earlier.finished
	s.calls -= earlier.calls
	s.worker -= earlier.worker
	s.store -= earlier.store
	s.stores = slices.Clone(s.stores)
	for i := range s.stores {
		s.stores[i] -= earlier.stores[i]
	}
	s.harness -= earlier.harness
	s.commands = s.commands.Minus(earlier.commands)
	return s
}

// rate is tasks a second.
func (s sample) rate() float64 { return figure.Ratio(float64(s.finished), s.took.Seconds()) }

// each divides what was used by the tasks.
func (s sample) each(total float64) float64 { return figure.Ratio(total, float64(s.finished)) }

// microseconds is CPU time a task.
func (s sample) microseconds(cpu time.Duration) float64 {
	return s.each(float64(cpu) / float64(time.Microsecond))
}

// share is CPU time as a percentage of one CPU.
func (s sample) share(cpu time.Duration) float64 {
	return 100 * figure.Ratio(cpu.Seconds(), s.took.Seconds())
}

// medianOf is the median of a figure of samples.
func medianOf(samples []sample, of func(sample) float64) float64 {
	return figure.Median(column(samples, of))
}

func column(samples []sample, of func(sample) float64) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	return values
}

// ownCPU is this process', without its children.
func ownCPU() (time.Duration, error) { return rig.OwnCPU(os.Getpid()) }

// overWindow samples what an arena does in the time of one measurement.
func (b *bench) overWindow(ctx context.Context, a *arena) (sample, error) {
	before, err := a.take(ctx)
	if err != nil {
		return sample{}, err
	}
	if err := pause(ctx, b.window); err != nil {
		return sample{}, err
	}
	after, err := a.take(ctx)
	return after.since(before), err
}
