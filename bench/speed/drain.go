package main

import (
	"context"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
)

const (
	// fastest is more than any contender reaches here: so much is queued that it does not run dry.
	fastest = 6000
	// margin is by how much a contender may be faster than it was the last time.
	margin = 1.5
	// longestWarmUp is waited where the pace never gets even.
	longestWarmUp = 12 * time.Second
	// rampUp is what dyplsq needs at most on a new Redis: it begins with 50 calls a second and doubles
	// them every second.
	rampUp = 8 * time.Second
	// steady is by how much a second may be faster than the one before, for the pace to be taken for
	// reached.
	steady = 1.10
	// almostAll is the share of what was queued after which a measurement ends early.
	almostAll = 0.97
)

// drain lets workers loose on a full queue, and measures once they have reached their pace.
func (b *bench) drain(
	ctx context.Context, c contender.Contender, cond conditions,
) (_ sample, err error) {
	queued := b.enough(c, cond)
	cond.numbers = queued
	if c.Name() == directName { // it brings its own
		cond.numbers = 2 * queued
	}
	a, err := b.open(ctx, c, cond)
	if err != nil {
		return sample{}, err
	}
	defer func() {
		if closing := a.close(); err == nil {
			err = closing
		}
	}()
	if err := a.stock(ctx); err != nil {
		return sample{}, err
	}
	if err := a.fill(ctx, queued); err != nil {
		return sample{}, err
	}
	if err := a.employ(); err != nil {
		return sample{}, err
	}
	if err := b.warmUp(ctx, a); err != nil {
		return sample{}, err
	}
	before, err := a.take(ctx)
	if err != nil {
		return sample{}, err
	}
	for end := time.Now().Add(b.window); time.Now().Before(end) && float64(a.calls()) < almostAll*float64(cond.numbers); {
		if err := pause(ctx, min(100*time.Millisecond, time.Until(end))); err != nil {
			return sample{}, err
		}
	}
	after, err := a.take(ctx)
	if err != nil {
		return sample{}, err
	}
	result := after.since(before)
	result.wasted, err = a.wasted(ctx)
	b.reached[c.Name()+cond.String()] = result.rate()
	b.progressf("%s: %s: %.0f/s over %.1f s", cond, c.Name(), result.rate(), result.took.Seconds())
	return result, err
}

func isOurs(c contender.Contender) bool { return strings.HasPrefix(c.Name(), oursName) }

// enough is how many tasks to queue, so that they last.
func (b *bench) enough(c contender.Contender, cond conditions) int {
	rate := float64(fastest)
	if cond.api > 0 {
		rate = min(rate, float64(cond.slots)/cond.api.Seconds())
	}
	if c.Name() == scriptName && cond.roundTrip > 0 { // one task a round trip and worker
		rate = min(rate, float64(cond.workers)/cond.roundTrip.Seconds())
	}
	if last, measured := b.reached[c.Name()+cond.String()]; measured {
		rate = min(rate, margin*last)
	}
	lasting := b.window + 4*time.Second
	if isOurs(c) && !b.short {
		lasting += rampUp / 2 // it takes few at first
	}
	if b.short {
		lasting = b.window + time.Second
	}
	return int(rate * lasting.Seconds())
}

// warmUp returns when the calls have twice in a row not been many more than just before.
func (b *bench) warmUp(ctx context.Context, a *arena) error {
	const calmEnough = 2
	step := 700 * time.Millisecond
	if b.short {
		step = 100 * time.Millisecond
	}
	least := time.Duration(0)
	if isOurs(a.contender) && !b.short {
		least = rampUp
	}
	began, last, total, calm := time.Now(), 0, 0, 0
	for (calm < calmEnough || time.Since(began) < least) && time.Since(began) < longestWarmUp {
		if err := pause(ctx, step); err != nil {
			return err
		}
		if err := a.alive(); err != nil {
			return err
		}
		now := a.calls()
		done := now - total
		if calm++; last == 0 || float64(done) > steady*float64(last) {
			calm = 0
		}
		last, total = done, now
	}
	return nil
}

// wasted counts the calls that made no bind. The workers are ended for it: those on their way
// arrive meanwhile.
func (a *arena) wasted(ctx context.Context) (int, error) {
	a.dismiss()
	if err := pause(ctx, 2*a.api+50*time.Millisecond); err != nil {
		return 0, err
	}
	return a.calls() - len(a.sim.Bindings()), nil
}
