// Package agreement lets workers of different settings work side by side.
package agreement

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/presence"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

// The settings that an agreement decides on.
const (
	Cooldown   = "DYPLSQ_NUMBER_COOLDOWN"
	Keep       = "DYPLSQ_KEEP"
	KeepStream = "DYPLSQ_KEEP_STREAM"
)

// refreshEvery is how often each worker tells of itself and asks for the others, refreshTimeout how
// long it may take.
const (
	refreshEvery   = 10 * time.Second
	refreshTimeout = 3 * time.Second
)

// Config says what a worker was told.
type Config struct {
	Redis redis.UniversalClient
	Log   zerolog.Logger
	// Settings are those that all workers should have the same, by their variables.
	Settings                         map[string]string
	NumberCooldown, Keep, KeepStream time.Duration
	// OnCooldown is told the cooldown that holds.
	OnCooldown func(time.Duration)
}

// Agreement is what holds of what the running workers were told. What is kept or rests, does so for
// the longest time that any of them was told: nobody is promised less than their own setting says.
// The quota's script sees to the ceilings itself.
type Agreement struct {
	config Config
	self   presence.Worker

	cooldown, keep, keepStream longest
}

// New returns the agreement of one worker, which knows of no other yet.
func New(c Config) *Agreement {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &Agreement{
		config: c,
		self: presence.Worker{
			Name:     fmt.Sprintf("%s:%d", host, os.Getpid()),
			ID:       uuid.NewString(),
			Settings: c.Settings,
		},
		cooldown:   newLongest(Cooldown, setting.NumberCooldown, c.NumberCooldown),
		keep:       newLongest(Keep, setting.Keep, c.Keep),
		keepStream: newLongest(KeepStream, setting.KeepStream, c.KeepStream),
	}
}

// Keep is for how long a record is kept.
func (a *Agreement) Keep() time.Duration { return a.keep.holds() }

// KeepStream is for how long an outcome stays in the stream.
func (a *Agreement) KeepStream() time.Duration { return a.keepStream.holds() }

// Run keeps in step with the other workers until ctx is done, and then says that this one is gone.
func (a *Agreement) Run(ctx context.Context) {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTimeout)
			defer cancel()
			_ = presence.Leave(ctx, a.config.Redis, a.self)
			return
		case <-tick.C:
			a.Refresh(ctx)
		}
	}
}

// Refresh lets the others know of this worker, and learns of them: first before Run. That it failed
// does no harm: it is tried again soon, and what is known holds meanwhile.
func (a *Agreement) Refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	if presence.AnnounceWorker(ctx, a.config.Redis, a.self) != nil {
		return
	}
	workers, err := presence.Workers(ctx, a.config.Redis)
	if err != nil {
		return
	}
	for _, l := range []*longest{&a.cooldown, &a.keep, &a.keepStream} {
		if l.learn(workers, time.Now()) {
			a.config.Log.Info().
				Str("setting", l.variable).
				Str("own", setting.Text(l.own)).
				Str("holds", setting.Text(l.holds())).
				Msg("workers differ in a setting: the longest holds")
		}
	}
	a.config.OnCooldown(a.cooldown.holds())
}

// longest is a duration of which the longest holds that any running worker was told.
type longest struct {
	variable string
	own      time.Duration
	check    func(field string, value time.Duration) []dypls.Problem
	now      *atomic.Int64
	seen     time.Time // when somebody had what holds; by the one goroutine that learns
}

func newLongest(variable string, bounds setting.Range[time.Duration], own time.Duration) longest {
	l := longest{variable: variable, own: own, check: bounds.Check, now: new(atomic.Int64)}
	l.now.Store(int64(own))
	return l
}

func (l *longest) holds() time.Duration { return time.Duration(l.now.Load()) }

// learn reports whether another duration holds from now on. One that nobody has any more holds for
// a while: a Redis that was emptied tells of nobody.
func (l *longest) learn(workers []presence.Worker, now time.Time) (changed bool) {
	most := l.own
	for _, w := range workers {
		if d, err := time.ParseDuration(w.Settings[l.variable]); err == nil &&
			len(l.check(l.variable, d)) == 0 {
			most = max(most, d)
		}
	}
	before := l.holds()
	if most < before && now.Sub(l.seen) < presence.Fresh {
		return false
	}
	l.seen = now
	l.now.Store(int64(most))
	return most != before
}
