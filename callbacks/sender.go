package callbacks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/tracing"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// Sender tells endpoints of events.
type Sender struct {
	Config

	store     store
	tracer    tracing.Tracer
	endpoints atomic.Pointer[[]Endpoint]
	replaced  chan struct{} // rings when the endpoints have changed

	lanes map[string]*lane // by endpoint; of Run alone
	said  atomic.Int64     // when it was last logged that events are not stored, in Unix ns
}

// New returns a sender. It does not wait for a connection. Its error tells everything that is wrong
// with the configuration.
func New(c Config) (*Sender, error) {
	c, client, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Sender{
		Config: c, store: newStore(client, c.Keys), tracer: tracing.New(c.TracerProvider),
		replaced: make(chan struct{}, 1), lanes: map[string]*lane{},
	}
	s.endpoints.Store(&c.Endpoints)
	return s, nil
}

// Close closes the connections to Redis, after Run has returned.
func (s *Sender) Close() error { return s.store.redis.Close() }

// Replace has other endpoints told from now on, while [Sender.Run] runs as well. What waits for one
// that is gone is kept for a week, in case that it comes back. The error tells everything that is
// wrong with them, and leaves the old ones.
func (s *Sender) Replace(endpoints []Endpoint) error {
	if problems := check(endpoints, nil); problems != nil {
		return &dypls.ValidationError{Problems: problems}
	}
	s.endpoints.Store(&endpoints)
	select {
	case s.replaced <- struct{}{}:
	default:
	}
	return nil
}

const (
	// readers are how many events of a stream one process takes in at once.
	readers = 4
	// seenEvery is how often it is noted which endpoints there are.
	seenEvery = time.Minute
)

// Run tells endpoints of events until ctx is done, then lets what is being sent end for some
// seconds. Any number of processes may run it: they share the work.
//
// An event that Redis has is told at least once, to each endpoint that wants it, whoever dies: a
// process, Redis, a receiver. It may come more than once, and in another order than it
// happened. The first time that any process runs it, it tells what the streams have
// kept of the last 24 hours.
//
// An endpoint has 15 seconds to answer with a 2xx. Anything else, a redirect among it, has the
// event sent again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h, give or take
// a tenth; then it is dead. 429 and 503 with a Retry-After, of an hour at most, hold all that
// the endpoint is to be told; 410 disables it, until [Sender.Enable]. Of an endpoint that has
// failed five times in a row one delivery at a time sees whether it is back. What is not
// delivered is kept for 7 days.
//
// While Redis is away it waits.
func (s *Sender) Run(ctx context.Context) error {
	work, running := errgroup.WithContext(ctx)
	work.Go(func() error { return s.keepLanes(running) })
	host, _ := os.Hostname()
	for i := range readers {
		consumer := fmt.Sprintf("%s.%d", cmp.Or(host, "sender"), i)
		work.Go(func() error {
			return s.follow(running, func(ctx context.Context) error {
				return s.Queue.Follow(ctx, group, consumer, s.taskDone)
			})
		})
	}
	if s.Calls != nil {
		work.Go(func() error {
			return s.follow(running, func(ctx context.Context) error {
				return s.Calls.Follow(ctx, group, s.callChanged)
			})
		})
	}
	if err := work.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// follow waits for a Redis that is away at the start.
func (s *Sender) follow(ctx context.Context, run func(context.Context) error) error {
	var said time.Time
	for {
		err := run(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // told to end: no failure
		}
		if errors.Is(err, tasks.ErrClosed) {
			return err
		}
		if time.Since(said) > sayEvery {
			said = time.Now()
			s.Logger.Warn().Str("error", dypls.Scrub(err.Error())).Msg("events for callbacks not read; trying again")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func (s *Sender) taskDone(ctx context.Context, o tasks.Outcome) error {
	if o.State == tasks.StateUnknown {
		return nil // its record is no longer kept: nothing can be told
	}
	return s.told(ctx, s.deliver(ctx, ofTask(o)))
}

func (s *Sender) callChanged(ctx context.Context, c calls.Call) error {
	if c.Undecryptable != nil { // it is offered again
		return s.told(ctx, c.Undecryptable)
	}
	events, err := ofCall(c)
	for _, e := range events {
		if err == nil {
			err = s.deliver(ctx, e)
		}
	}
	return s.told(ctx, err)
}

// told logs, now and then, why an event is not stored, which is offered again.
func (s *Sender) told(ctx context.Context, err error) error {
	last, now := s.said.Load(), time.Now().UnixNano()
	if err != nil && ctx.Err() == nil && now-last > int64(sayEvery) &&
		s.said.CompareAndSwap(last, now) {
		s.Logger.Warn().Str("error", dypls.Scrub(err.Error())).Msg("events for callbacks not read; trying again")
	}
	return err
}

// deliver makes the deliveries of an event. Once it returns nil nothing but these is needed of it.
func (s *Sender) deliver(ctx context.Context, e event) error {
	for _, to := range *s.endpoints.Load() {
		if !to.wants(e.kind, e.account, e.named) {
			continue
		}
		if !s.tracer.On() {
			e.origin = ""
		}
		now := s.now()
		body, err := e.body(to.Full, now)
		if err == nil {
			err = s.store.create(ctx, to.Name, e, body, now)
		}
		if err != nil {
			return tasks.RedisError(err)
		}
	}
	return nil
}

// keepLanes has a lane for each endpoint.
func (s *Sender) keepLanes(ctx context.Context) error {
	defer func() { s.closeLanes(s.lanes) }()
	tick := time.NewTicker(seenEvery)
	defer tick.Stop()
	for {
		if err := s.matchLanes(ctx); err != nil {
			return err
		}
		s.noteSeen(ctx)
		s.forgetGone(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-s.replaced:
		}
	}
}

// matchLanes opens, changes and closes lanes as the endpoints want it.
func (s *Sender) matchLanes(ctx context.Context) error {
	gone := maps.Clone(s.lanes)
	for _, e := range *s.endpoints.Load() {
		delete(gone, e.Name)
		l, running := s.lanes[e.Name]
		switch {
		case !running:
			l, err := s.open(ctx, e)
			if err != nil {
				return err
			}
			s.lanes[e.Name] = l
		case !reflect.DeepEqual(l.poster.Load().endpoint, e):
			l.change(e)
		}
	}
	s.closeLanes(gone)
	return nil
}

func (s *Sender) closeLanes(lanes map[string]*lane) {
	var closing sync.WaitGroup
	for _, l := range lanes {
		closing.Go(l.close)
	}
	closing.Wait()
	for _, name := range slices.Collect(maps.Keys(lanes)) {
		delete(s.lanes, name)
	}
}

// forgetGone drops what is left of endpoints that nobody has had for longer than anything is kept.
// What fails is done in a minute.
func (s *Sender) forgetGone(ctx context.Context) {
	seen, err := s.store.redis.HGetAll(ctx, endpointsKey).Result()
	if err != nil {
		return
	}
	for name, at := range seen {
		if s.now().Sub(instant(at)) > keepUndelivered {
			_ = s.store.drop(ctx, name)
		}
	}
}

// noteSeen writes down which endpoints there are. Redis is told again in a minute.
func (s *Sender) noteSeen(ctx context.Context) {
	endpoints := *s.endpoints.Load()
	seen := make([]any, 0, 2*len(endpoints))
	for _, e := range endpoints {
		seen = append(seen, e.Name, s.now().UnixMilli())
	}
	if len(seen) > 0 {
		_ = s.store.redis.HSet(ctx, endpointsKey, seen...).Err()
	}
}
