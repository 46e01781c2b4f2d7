package reaper

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seed-5c07c2e9/dyplsq/internal/asynqwire"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

const (
	openPerShard    = 64
	redeliveriesOut = 16

	// visitSoon is when a task that was set going again, or should be going soon, is visited.
	visitSoon = 30 * time.Second
	// visitLate is when a task that waits its turn is visited: once it is active, silence moves its
	// entry up.
	visitLate = 10 * time.Minute
)

// restPerWork is how long a sweep rests for what it has worked, so that a million tasks that fall
// due at once hold up nobody.
const restPerWork = 4

// sweepOpen looks at every open record that is due.
func (r *Reaper) sweepOpen(ctx context.Context) error {
	for {
		if err := r.renewLock(ctx); err != nil {
			return err
		}
		started := time.Now()
		due, err := r.Records.Due(ctx, openPerShard)
		if err == nil {
			r.steps.observe(started, time.Now(), due.Now)
		}
		if err != nil || len(due.Open) == 0 {
			return err
		}
		next, err := r.visit(ctx, due)
		whileKept(next, due.Now, r.Keep())
		if deferred := r.Records.Defer(ctx, due, next); err == nil {
			err = deferred
		}
		if err != nil || !due.More {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(restPerWork*time.Since(started), r.timing.lock/2)):
		}
	}
}

// whileKept has each record looked at again within half the time that it is kept once it has its
// outcome: one that no worker came to tell is found while there is something to tell.
func whileKept(next []record.Next, now time.Time, kept time.Duration) {
	for i, n := range next {
		if latest := now.Add(kept / 2); !n.Drop && n.At.After(latest) {
			next[i].At = latest
		}
	}
}

// lookAt does what open records need, and returns when to look at each again. What it did not get
// to is not among them.
func (r *Reaper) visit(ctx context.Context, due record.Due) ([]record.Next, error) {
	var next []record.Next
	var told, waiting []record.Open
	for _, o := range due.Open {
		switch {
		case o.State == "" && o.Missed:
			next = append(next, record.Next{ID: o.ID, Drop: true})
		case o.State == "": // its producer may be about to write it
			next = append(next, record.Next{ID: o.ID, At: due.Now.Add(visitSoon), Missed: true})
		case o.State.Told():
			told = append(told, o)
		case o.Held(due.Now):
			next = append(next, record.Next{ID: o.ID, At: o.Claim.Add(r.AfterClaim)})
		case o.State.Running() && r.steps.doubtful(r.ClaimLease) > 0:
			next = append(
				next,
				record.Next{ID: o.ID, At: due.Now.Add(r.steps.doubtful(r.ClaimLease) + r.AfterClaim)},
			)
		default:
			waiting = append(waiting, o)
		}
	}
	locked, err := r.publishOutcomes(ctx, told)
	if err != nil {
		return next, err
	}
	for _, o := range told {
		if locked[o.ID] { // its outcome is told again then, which does no harm
			next = append(next, record.Next{ID: o.ID, At: due.Now.Add(visitLate)})
			continue
		}
		next = append(next, record.Next{ID: o.ID, Drop: true})
	}
	again, err := r.redeliver(ctx, moment{redis: due.Now, own: time.Now()}, waiting)
	return append(next, again...), err
}

// publishOutcomes tells outcomes that a worker wrote and did not come to tell, and has their
// surplus bindings removed. It returns the ids of those with one that does not open.
func (r *Reaper) publishOutcomes(
	ctx context.Context, told []record.Open,
) (locked map[string]bool, err error) {
	_ = r.Records.Wake(ctx, told) // those who wait look again by themselves
	if err := r.Records.Tell(ctx, told); err != nil {
		return nil, err
	}
	ids := make([]string, len(told))
	for i, o := range told {
		ids[i] = o.ID
		r.repaired(o.ID, "outcome published again")
	}
	surpluses, err := r.Records.Surpluses(ctx, ids...)
	if err != nil {
		return nil, err
	}
	locked = map[string]bool{}
	for _, s := range surpluses {
		if s.Undecryptable != nil {
			locked[s.ID] = true
			r.sayLocked(s)
			continue
		}
		if err := r.compensate(ctx, s); err != nil {
			return nil, err
		}
	}
	return locked, nil
}

// sayLocked tells of a surplus binding that does not open, now and then.
func (r *Reaper) sayLocked(s record.SurplusBinding) {
	if time.Since(r.locked) < sayEvery {
		return
	}
	r.locked = time.Now()
	r.Log.Error().Str("id", s.ID).Str("subs_id", s.SubsID).Err(s.Undecryptable).
		Msg("surplus binding not removed: what is recorded does not open; see dyplsq keys status")
}

// redeliver makes the next delivery of each record that has none, and of each whose run died: the
// one that begins then settles it.
func (r *Reaper) redeliver(
	ctx context.Context,
	now moment,
	open []record.Open,
) ([]record.Next, error) {
	statuses, err := r.statuses(ctx, now, open)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var next []record.Next
	visitAt := func(id string, at time.Time) {
		mu.Lock()
		defer mu.Unlock()
		next = append(next, record.Next{ID: id, At: at})
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(redeliveriesOut)
	for i, o := range open {
		status := statuses[i]
		if at, live := status.live(now, o); live {
			visitAt(o.ID, at)
			continue
		}
		group.Go(func() error {
			if status.state == empty {
				delivery := asynqwire.DeliveryID(o.ID, o.Delivery)
				_, err := r.discard(groupCtx, delivery, status.queue, seen{lapsed: now.own})
				if err != nil {
					return err
				}
			}
			made, err := r.Dispatch.Redeliver(groupCtx, o.ID, o.Delivery)
			if err != nil {
				return err
			}
			if made {
				r.repaired(o.ID, "redelivered: task is "+string(o.State)+", delivery is "+status.state)
			}
			visitAt(o.ID, now.redis.Add(visitSoon))
			return nil
		})
	}
	err = group.Wait()
	return next, err
}
