package worker

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/inventory"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
)

// setAsideCodes are the refusals after which an X is not handed out again until somebody readmits
// it.
var setAsideCodes = []string{"isv.NO_USED_BY_OTHERS", "isv.NO_NOT_EXIST"}

// number is the X that a run's bind names, where its pool has an inventory.
type number struct {
	request       inventory.Ask
	leased        inventory.Leased // not Listed where it has none of this inventory
	usedElsewhere bool             // somebody else has it: it goes back, and the next run gets another
}

// usedElsewhereCodes are the refusals which say that this X is somebody else's, and nothing about
// another one.
var usedElsewhereCodes = append([]string{"isv.BIND_CONFLICT"}, setAsideCodes...)

// retryWithAnother lets a bind that was refused because of the X that it was given be called again
// with another, within its attempts. A bind that may have taken effect before stays with its X: it
// has to be looked for there.
func (n *number) retryWithAnother(v *verdict, k kind, begun record.Begun) {
	if n == nil || !n.leased.Listed || n.request.PhoneNoX != "" || begun.MayHaveRun ||
		begun.Attempt >= k.attempts {
		return
	}
	if v.state == record.Failed && slices.Contains(usedElsewhereCodes, v.code) {
		n.usedElsewhere = true
		v.state, v.delay = record.Waiting, 0
	}
}

// leaseNumber gives the bind an X of its pool's inventory, where there is one.
func (d *delivery) leaseNumber(ctx context.Context) error {
	n, request, err := d.numberFor(ctx, d.begun.Request)
	if err != nil {
		v := noNumber(d.begun, err)
		d.worker.awaitNumber(&v, d.begun)
		return &decidedError{v}
	}
	d.number, d.begun.Request = n, request
	return nil
}

// numberFor leases an X, the same one in every run of the task, and writes it into the request. It
// returns nil where the action takes none, or the pool has no inventory.
func (d *delivery) numberFor(ctx context.Context, request []byte) (*number, []byte, error) {
	if used, err := d.worker.numbers.InUse(ctx); err != nil || !used {
		return nil, request, err
	}
	n := d.numberOf(request)
	if n == nil {
		return nil, request, nil
	}
	has, err := d.worker.numbers.Has(ctx, n.request.PoolKey)
	if err != nil || !has {
		return nil, request, err
	}
	n.leased, err = d.worker.numbers.Lease(ctx, n.request.Want(d.id))
	if err != nil {
		if shortage, ok := errors.AsType[*record.ShortageError](err); ok {
			d.worker.logReplicaShortage(shortage)
		}
		if unreadable(err) {
			d.worker.log.Warn().Str("id", d.id).Err(err).Msg("number unreadable; the task waits")
		}
		return nil, request, err
	}
	request, err = n.leased.NameIn(request)
	return n, request, err
}

// leasedBefore names the X that an earlier run of the task leased, for a look. It never leases one:
// a call that left before the pool had an inventory named none, and an X that it never heard of
// would prove nothing; what it turns out to have bound is told all the same.
func (d *delivery) leasedBefore(ctx context.Context, begun record.Begun) (*number, []byte, error) {
	request := begun.Request
	n := d.numberOf(request)
	if n == nil {
		return nil, request, nil
	}
	holding, holds, err := d.worker.numbers.Holding(ctx, n.request.PoolKey, d.id)
	if err != nil {
		return nil, request, err
	}
	if !holds {
		return n, request, d.checkUnsent(ctx, n.request.PoolKey, begun)
	}
	n.leased = inventory.Leased{X: holding.X, Extension: holding.Extension, Listed: true}
	request, err = n.leased.NameIn(request)
	return n, request, err
}

// errUnsent: the call in doubt was never made.
var errUnsent = errors.New("the worker ended before it had an X for the call, which was not made")

// checkUnsent returns errUnsent where a bind that needs an X of its pool's inventory never had one:
// its worker ended before it leased one. A call that left before the pool had an inventory is
// another matter.
func (d *delivery) checkUnsent(ctx context.Context, pool string, begun record.Begun) error {
	if begun.Refusal != "" || d.kind.findable(begun.Request) {
		return nil
	}
	since, known, err := d.worker.numbers.LeasedSince(ctx, pool)
	if err == nil && known && begun.FirstCall.After(since) {
		return errUnsent
	}
	return err
}

// numberOf reads what the inventory must know of a request, nil where the action takes no number of
// a pool.
func (d *delivery) numberOf(request []byte) *number {
	ask, ok := inventory.AskOf(d.kind.action, request)
	if !ok || ask.PoolKey == "" { // what cannot be read is told by the call
		return nil
	}
	return &number{request: ask}
}

// noNumber is what it means that no X could be leased: a pool without a free one is final, as the
// API's own isv.NO_AVAILABLE_NUMBER is. A number that cannot be read is one once the keys are
// there, or it was imported again.
func noNumber(begun record.Begun, err error) verdict {
	v := verdict{
		state:   record.Failed,
		code:    dypls.CodeNotSent,
		class:   dypls.Exhausted,
		message: "no number of the pool's inventory is free",
	}
	if !errors.Is(err, inventory.ErrNoneFree) {
		v.class, v.message = dypls.Unavailable, "no number could be leased from the pool's inventory"
		pause := redisAway
		if unreadable(err) {
			v.message = "the number of the bind is sealed and does not open: dyplsq doctor tells why"
			pause = growing(redisAway, deniedCap, begun.Uncounted)
		}
		v.wait(pause, begun)
	}
	return v
}

// errNoKeys: the inventory that is to be told what became of a binding is sealed.
var errNoKeys = errors.New("the numbers of the pool are sealed, and this worker has no keys")

// checkTellable returns errNoKeys where this worker cannot tell the inventory of an unbind or an
// update.
func (d *delivery) checkTellable(ctx context.Context, asked []byte) error {
	var request struct {
		PoolKey string `json:"PoolKey"`
	}
	changes := d.kind.action == dypls.UnbindSubscription.Action ||
		d.kind.action == dypls.UpdateSubscription.Action
	if d.worker.config.Keys.On() || !changes || json.Unmarshal(asked, &request) != nil {
		return nil //nolint:nilerr // what cannot be read is told by the call
	}
	used, err := d.worker.numbers.InUse(ctx)
	if err == nil && used {
		err = d.worker.numbers.CheckReadable(ctx, request.PoolKey)
	}
	if !errors.Is(err, inventory.ErrSealed) {
		return nil // whatever else is wrong shows when it is told
	}
	d.worker.log.Warn().Str("id", d.id).Err(err).Msg("number unreadable; the task waits")
	return errNoKeys
}

// checkInventory has an unbind or update wait where this worker has no keys to the inventory that
// is to be told of it.
func (d *delivery) checkInventory(ctx context.Context) error {
	err := d.checkTellable(ctx, d.begun.Request)
	if err == nil {
		return nil
	}
	v := verdict{
		code:    dypls.CodeNotSent,
		class:   dypls.Unavailable,
		message: err.Error(),
	}
	v.wait(growing(redisAway, deniedCap, d.begun.Uncounted), d.begun)
	return &decidedError{v}
}

// unreadable tells of a number that is sealed, and does not open here.
func unreadable(err error) bool {
	_, is := errors.AsType[*inventory.UnreadableError](err)
	return is || errors.Is(err, inventory.ErrSealed)
}

// settle tells the inventory what came of the bind. A doubt changes nothing: the task keeps its X.
func (n *number) settle(
	ctx context.Context,
	d *delivery,
	begun record.Begun,
	v verdict,
	p performed,
) {
	if n == nil {
		return
	}
	end := inventory.End{Task: d.id, Ask: n.request}
	switch {
	case v.state == record.Succeeded && p.binding.SubsID != "":
		end.Binding = p.binding
	case (v.state == record.Failed || n.usedElsewhere) && n.leased.Listed:
		end.X, end.Unperformed = n.leased.X, !v.mayHaveRun && !begun.MayHaveRun && !n.usedElsewhere
		if slices.Contains(setAsideCodes, v.code) {
			end.Aside = v.code
		}
	default:
		return
	}
	d.worker.settleInInventory(ctx, end)
}

// settleInInventory tells the inventory what came of a bind, as long as this process lives. The
// sweep makes up for what it cannot tell.
func (w *Worker) settleInInventory(ctx context.Context, end inventory.End) {
	err := w.untilWritten(
		ctx,
		end.Task,
		"number",
		func(ctx context.Context) error { return w.numbers.Settle(ctx, end) },
	)
	if err != nil {
		w.log.Error().Str("id", end.Task).Err(err).Msg("inventory not updated with the outcome of a bind")
	}
}

// syncInventory tells the inventory what the record of a task says, for whoever has settled it
// without a run of its own.
func (w *Worker) syncInventory(ctx context.Context, id string) {
	err := w.untilWritten(ctx, id, "number", func(ctx context.Context) error {
		if used, err := w.numbers.InUse(ctx); err != nil || !used {
			return err
		}
		records, err := w.records.Read(ctx, id)
		if err != nil {
			return err
		}
		if end, over := inventory.EndOf(records[0]); over {
			err = w.numbers.Settle(ctx, end)
		}
		return err
	})
	if err != nil {
		w.log.Error().Str("id", id).Err(err).Msg("inventory not updated with the outcome of a bind")
	}
}

// updateInventory tells the inventory of a binding that was removed or changed.
func (d *delivery) updateInventory(ctx context.Context, request []byte, v verdict) {
	if v.state != record.Succeeded {
		return
	}
	err := d.worker.untilWritten(ctx, d.id, "number", func(ctx context.Context) error {
		switch d.kind.action {
		case dypls.UnbindSubscription.Action:
			var r dypls.UnbindSubscriptionRequest
			if json.Unmarshal(request, &r) != nil || r.PoolKey == "" {
				return nil //nolint:nilerr // the call has read it
			}
			_, err := d.worker.numbers.Unbound(ctx, r.PoolKey, r.SecretNo, r.SubsID)
			return err
		case dypls.UpdateSubscription.Action:
			change, ok := d.change(request)
			if !ok {
				return nil
			}
			_, err := d.worker.numbers.Update(ctx, change)
			return err
		}
		return nil
	})
	if err != nil {
		d.log().Error().Str("id", d.id).Err(err).Msg("inventory not updated with a changed binding")
	}
}

// publish writes down what came of a run: in the inventory first where there is a binding, so that
// nobody is given its X meanwhile, and in the record first where there is none.
func (d *delivery) publish(
	ctx context.Context,
	x *number,
	begun record.Begun,
	v verdict,
	p performed,
) {
	if v.state == record.Succeeded {
		x.settle(ctx, d, begun, v, p)
		d.updateInventory(ctx, begun.Request, v)
	}
	d.finish(ctx, d.ending(begun, v, p))
	if v.state != record.Succeeded {
		x.settle(ctx, d, begun, v, p)
	}
}

const (
	// sweepEvery is how often each worker looks after the inventories. What it does may be done by
	// several at a time.
	sweepEvery = time.Minute
	// unsettledFor is how long a lease must have been without news: whoever leased it may be about
	// to say what came of it.
	unsettledFor = 2 * time.Minute
)

// sweepNumbers frees numbers whose bindings have expired, and settles leases whose worker ended
// before it could, until ctx is done.
func (w *Worker) sweepNumbers(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		pools, err := w.numbers.Pools(ctx)
		for _, pool := range pools {
			_, sweepErr := w.numbers.Sweep(ctx, pool)
			err = errors.Join(
				err,
				sweepErr,
				w.numbers.Unsettled(ctx, pool, unsettledFor, func(h inventory.Holding) error {
					return w.settleLease(ctx, pool, h)
				}),
			)
		}
		if err != nil && ctx.Err() == nil {
			w.log.Warn().Err(err).Msg("inventory sweep failed; retrying")
		}
	}
}

// settleLease asks a task's record what came of its bind, and tells the inventory: whoever settled
// the task has not, or may be about to. A task that is not over, or uncertain, keeps its number.
// One that is forgotten may have been bound.
func (w *Worker) settleLease(ctx context.Context, pool string, h inventory.Holding) error {
	records, err := w.records.Read(ctx, h.Task)
	if err != nil {
		return err
	}
	end, over := inventory.EndOf(records[0])
	switch {
	case records[0].Undecryptable != nil: // it keeps its number until it opens
		return nil //nolint:nilerr // likewise
	case end.Ask.PoolKey != pool: // no task has the id, or by now another one
		err = w.numbers.Forget(ctx, pool, h)
	case over:
		end = end.On(h)
		err = w.numbers.Settle(ctx, end)
	default:
		return nil
	}
	if err == nil {
		w.log.Warn().Str("id", h.Task).Str("state", string(records[0].State)).
			Msg("inventory sweep settled a leftover lease")
	}
	return err
}
