package archive

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
)

// Keeper puts the recordings of calls into a store.
type Keeper struct {
	Config

	fetcher *fetcher
	gate    gate
	tracer  tracing.Tracer
}

// New returns a keeper. Its error tells everything that is wrong with the configuration.
func New(c Config) (*Keeper, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Keeper{
		Config: c, fetcher: newFetcher(c.Bandwidth), tracer: tracing.New(c.TracerProvider),
	}, nil
}

const (
	look    = time.Second // at what is due
	settled = 3 * time.Second
	// promisedWithin is how long after a call the API may still make its recording.
	promisedWithin = time.Hour
	sayNow         = 10 * time.Second
)

// Run keeps recordings until ctx is done: those that were announced at once, others 15 minutes
// after their calls, if their bindings were asked to record or are unknown: see
// [calls.AskRecordings]. Any number of processes may run it: they share what is due, and take over
// within a lease what one that died was about.
//
// While Redis or the store is away it waits. What fails is tried again: see [Config].
func (k *Keeper) Run(ctx context.Context) error {
	var working sync.WaitGroup
	defer working.Wait()
	free := make(chan struct{}, k.Parallel)
	var said time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case free <- struct{}{}: // there is room
			<-free
		}
		if !k.gate.open(ctx, k.Store) {
			wait(ctx, look)
			continue
		}
		n := k.Parallel - len(free)
		due, err := k.Calls.TakeRecordings(ctx, n, k.Lease)
		if err != nil {
			if ctx.Err() == nil && time.Since(said) > sayNow {
				said = time.Now()
				k.Logger.Error().Str("error", dypls.Scrub(err.Error())).
					Msg("due recordings not read; trying again")
			}
			wait(ctx, look)
			continue
		}
		for _, id := range due.CallIDs {
			free <- struct{}{}
			working.Go(func() {
				defer func() { <-free }()
				k.keep(ctx, due, id)
			})
		}
		if len(due.CallIDs) < n {
			wait(ctx, look)
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// keep does one of what is due, as far as it gets.
func (k *Keeper) keep(ctx context.Context, due calls.RecordingsDue, id string) {
	claim, err := k.Calls.ClaimRecording(ctx, due, id, k.Lease)
	if err != nil || claim == nil { // who takes it when the lease is over looks again
		return
	}
	ctx, span := k.startSpan(ctx, claim.Call)
	defer span.End()
	log := k.Logger.With().Str("call_id", idOf(claim.Call)).Fields(span.LogFields()).Logger()
	a := &attempt{Keeper: k, claim: claim, link: claim.Link, span: span}
	recording, found, err := a.run(ctx)
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), settled)
	defer cancel()
	if err == nil {
		err = k.settleKept(settle, a, recording, found, log)
	} else {
		err = k.settleFailed(settle, ctx.Err() != nil, a, err, log)
	}
	if err != nil && !errors.Is(err, calls.ErrSuperseded) {
		log.Warn().Str("error", dypls.Scrub(err.Error())).
			Msg("end of a recording not noted; looking again")
	}
}

func (k *Keeper) settleKept(
	ctx context.Context,
	a *attempt,
	r calls.Recording,
	found bool,
	log zerolog.Logger,
) error {
	k.gate.works()
	if err := a.claim.Kept(ctx, r); err != nil {
		return err
	}
	end := End{Result: Kept, Bytes: r.Bytes}
	if found {
		end.Result = Found
	}
	if ended := a.claim.Call.ReleasedAt; !ended.IsZero() {
		end.Lag = max(a.claim.Now.Sub(ended), 0)
	}
	k.done(a, end)
	log.Info().Str("location", r.Location).Int64("bytes", r.Bytes).Msg("recording kept")
	return nil
}

// settleFailed says what is to come of a recording that is not kept.
func (k *Keeper) settleFailed(
	ctx context.Context,
	stopped bool,
	a *attempt,
	why error,
	log zerolog.Logger,
) error {
	if _, is := errors.AsType[storeError](why); is {
		k.gate.failed(k.Retry)
	}
	age := a.age()
	p := calls.Postponed{Link: a.link, Late: age > k.LateAfter, Reason: dypls.Scrub(why.Error())}
	switch final := k.final(why, age); {
	case stopped: // the next process does it at once
		p.Reason = ""
	case errors.Is(why, calls.ErrSuperseded):
		return nil
	case errors.Is(why, errPending):
		const share = 4
		p.Pause = k.Retry / share
	case a.claim.Guessed && k.absent(why, a):
		if err := a.claim.None(ctx); err != nil {
			return err
		}
		k.done(a, End{Result: Absent})
		log.Debug().Str("reason", p.Reason).Msg("no recording of a call that promised none")
		return nil
	case final:
		if err := a.claim.Lost(ctx, p.Reason); err != nil {
			return err
		}
		k.done(a, End{Result: Lost})
		log.Error().Str("reason", p.Reason).Msg("recording lost")
		return nil
	default:
		p.Failed, p.Pause = true, k.pause(a.claim.Tries)
		k.done(a, End{Result: Failed})
		log.Warn().Str("reason", p.Reason).Dur("again_ms", p.Pause).
			Msg("recording not kept; trying again")
	}
	return a.claim.Again(ctx, p)
}

// pause is how long a recording rests that has failed once more.
func (k *Keeper) pause(tries int) time.Duration {
	steps := []int64{1, 5, 15, 60}
	return time.Duration(int64(k.Retry) * steps[min(tries, len(steps)-1)])
}

// final reports whether the recording cannot be had any more. What the API answers where there is
// none yet is not documented: until it should long be there, no answer of it is believed.
func (k *Keeper) final(why error, age time.Duration) bool {
	answer, answered := errors.AsType[*dypls.Error](why)
	_, invalid := errors.AsType[*dypls.ValidationError](why)
	refused := invalid || answered && answer.Class == dypls.Rejected
	return age > k.Retention || refused && age > k.LateAfter
}

// absent reports whether a call has no recording of which nothing promised one. The API's own pages
// have a recording wait for 20 minutes at most: a refusal long after that is believed.
func (k *Keeper) absent(why error, a *attempt) bool {
	since := a.claim.Now.Sub(a.claim.Call.ReleasedAt)
	answer, answered := errors.AsType[*dypls.Error](why)
	refused := answered && answer.Class == dypls.Rejected && since > promisedWithin
	return refused || answered && since > k.LateAfter || answered && k.final(why, a.age())
}

// gate keeps a store that fails from being tried with every recording.
type gate struct {
	mu     sync.Mutex
	until  time.Time
	pause  time.Duration
	closed bool
}

// failed closes the gate for a while.
func (g *gate) failed(most time.Duration) {
	const first, grows = 12, 2
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Now().Before(g.until) {
		return // others have said so
	}
	g.pause = min(max(g.pause*grows, most/first), most)
	g.until, g.closed = time.Now().Add(g.pause), true
}

func (g *gate) works() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pause = 0
}

// open reports whether recordings may be fetched. After a failure the store is asked first.
func (g *gate) open(ctx context.Context, store Store) bool {
	g.mu.Lock()
	closed, until := g.closed, g.until
	g.mu.Unlock()
	if !closed {
		return true
	}
	if time.Now().Before(until) {
		return false
	}
	err := store.Probe(ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed = err != nil; g.closed {
		g.until = time.Now().Add(max(g.pause, look))
	}
	return !g.closed
}
