package main

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
	"github.com/seed-5c07c2e9/dyplsq/bench/figure"
)

// trial is a load under a quota.
type trial struct {
	name   string
	phases []phase
	binds  int
	within time.Duration
}

const (
	quotaWorkers  = 3
	quotaSlots    = 64 // of each worker
	quotaAttempts = 3
	quotaCall     = 50 * time.Millisecond
)

func (b *bench) trials() (changing, constant trial) {
	if b.short {
		brief := trial{
			"40, 20, 80", []phase{{40, time.Second}, {20, time.Second}, {80, 0}}, 80, 5 * time.Second,
		}
		return brief, trial{"40", []phase{{40, 0}}, 40, 5 * time.Second}
	}
	return trial{
			"100, 50, 200", []phase{{100, 10 * time.Second}, {50, 20 * time.Second}, {200, 0}}, 3000,
			130 * time.Second,
		},
		trial{"100", []phase{{100, 0}}, 2500, 60 * time.Second}
}

// quota lets three workers meet a quota that falls and rises while they work.
func (b *bench) quota(ctx context.Context) (section, error) {
	var found section
	table := figure.Table{Head: []string{
		"", "quota, calls/s", "binds", "succeeded", "told", "attempts of one, at most", "calls",
		"throttled %", "makespan s", "x the ideal",
		"settled after s", "share of the quota used then %",
	}}
	changing, constant := b.trials()
	for round := range b.roundsOr(1) {
		for _, c := range b.among(0, oursName, scriptName) {
			if c.Name() == scriptName && round > 0 {
				continue // it takes minutes, and is not close
			}
			v, err := b.meet(ctx, c, changing)
			if err != nil {
				return found, err
			}
			table.Add(verdictRow(c.Name(), changing, v)...)
			if c.Name() == oursName {
				b.claimQuota(v)
			}
		}
		for _, c := range b.among(0, oursName) {
			v, err := b.meet(ctx, c, constant)
			if err != nil {
				return found, err
			}
			table.Add(verdictRow(c.Name(), constant, v)...)
			b.atLeast("quota: share used of one that stays the same", 0.97, v.used[0])
		}
	}
	found.text = tableText(table) + fmt.Sprintf("\nThree workers with %d slots each, calls of %s, %d attempts for a task; "+
		"the quota changes after 10 and after 30 s. "+
		"Settled: from this second of the phase on at most 2 %% of the calls are throttled and at least 90 %% of the quota is used; - is never. "+
		"Attempts are dyplsq's own count, in which a throttled call is none; of the script, all its calls.\n", quotaSlots, short(quotaCall), quotaAttempts)
	return found, nil
}

func verdictRow(name string, t trial, v verdict) []string {
	settled, used := make([]string, 0, len(v.settled)), make([]string, 0, len(v.used))
	for i := range v.settled {
		settled = append(settled, figure.Format(v.settled[i], 0))
		used = append(used, figure.Format(100*v.used[i], 1))
	}
	count := func(n int) string { return figure.Format(float64(n), 0) }
	return []string{
		name, t.name, count(v.asked), count(v.succeeded), count(v.told), count(v.attempts),
		count(v.calls), figure.Format(100*v.throttledShare(), 1),
		figure.Format(v.makespan.Seconds(), 1),
		figure.Format(figure.Ratio(v.makespan.Seconds(), v.ideal.Seconds()), 2), joined(settled),
		joined(used),
	}
}

// meet enqueues the binds when the first phase begins, and changes the quota as the phases do.
func (b *bench) meet(ctx context.Context, c contender.Contender, t trial) (v verdict, err error) {
	a, err := b.open(ctx, c, conditions{
		api: quotaCall, workers: quotaWorkers, slots: quotaWorkers * quotaSlots, attempts: quotaAttempts,
		quota:   t.phases[0].quota,
		numbers: 2 * t.binds, ledger: true,
	})
	if err != nil {
		return v, err
	}
	defer func() {
		if closing := a.close(); err == nil {
			err = closing
		}
	}()
	if err := a.employ(); err != nil {
		return v, err
	}
	if err := pause(ctx, b.window/5); err != nil { // they have started up
		return v, err
	}
	began := time.Now().Truncate(time.Second).Add(time.Second) // the API's windows are full seconds
	if err := pause(ctx, time.Until(began)); err != nil {
		return v, err
	}
	if err := a.fill(ctx, t.binds); err != nil {
		return v, err
	}
	told, err := a.through(ctx, t, began)
	if err != nil {
		return v, err
	}
	v = judge(a.sim.Ledger(), t.phases, t.binds, began)
	v.told = told
	if counting, ok := a.producer.(interface {
		Used(ctx context.Context, n int) (most, all int, err error)
	}); ok {
		if v.attempts, _, err = counting.Used(ctx, t.binds); err != nil {
			return v, err
		}
	}
	b.progressf("quota %s: %s: %d of %d bound, %.1f s, ideal %.0f s, %.1f %% throttled", t.name, c.Name(),
		v.succeeded, v.asked, v.makespan.Seconds(), v.ideal.Seconds(), 100*v.throttledShare())
	return v, nil
}

// through changes the quota when it is time, until every task has an outcome or time is up. It
// returns how many have one.
func (a *arena) through(ctx context.Context, t trial, began time.Time) (told int, err error) {
	now, until := 0, began.Add(t.phases[0].lasts)
	for time.Since(began) < t.within {
		if now < len(t.phases)-1 && !time.Now().Before(until) {
			now++
			until = until.Add(t.phases[now].lasts)
			if err := a.sim.SetQuota(bindAction, t.phases[now].quota); err != nil {
				return told, err
			}
		}
		if told, err = a.producer.Finished(ctx); err != nil || told >= t.binds {
			return told, err
		}
		if err := a.alive(); err != nil {
			return told, err
		}
		wait := 50 * time.Millisecond
		if now < len(t.phases)-1 {
			wait = min(wait, max(time.Until(until), 0))
		}
		if err := pause(ctx, wait); err != nil {
			return told, err
		}
	}
	return told, nil
}
