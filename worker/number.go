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

// clocksDiffer is added to a binding's expiry before its number is taken to be free.
const clocksDiffer = 5 * time.Minute

// numbered are the actions that take a number of the inventory, and what they need of it.
var numbered = map[string]inventory.Kind{
	dypls.BindAXN.Action: inventory.Alone, dypls.BindAXG.Action: inventory.Alone,
	dypls.BindAXB.Action: inventory.Pair, dypls.BindAXNExtension.Action: inventory.Extension,
}

// numberedRequest is what the inventory must know of a bind, under the API's names.
type numberedRequest struct {
	PoolKey    string      `json:"PoolKey"`
	PhoneNoA   dypls.Phone `json:"PhoneNoA"`
	PhoneNoB   dypls.Phone `json:"PhoneNoB"`
	PhoneNoX   dypls.Phone `json:"PhoneNoX"`
	Extension  string      `json:"Extension"`
	Expiration dypls.Time  `json:"Expiration"`
	ExpectCity string      `json:"ExpectCity"`
}

// asideFor are the refusals after which an X is not handed out again until somebody readmits it.
var asideFor = []string{"isv.NO_USED_BY_OTHERS", "isv.NO_NOT_EXIST"}

// number is the X that a run's bind names, where its pool has an inventory.
type number struct {
	kind    inventory.Kind
	request numberedRequest
	leased  inventory.Leased
	taken   bool // somebody else has it: it goes back, and the next run gets another
}

// takenBy are the refusals which say that this X is somebody else's, and nothing about another one.
var takenBy = append([]string{"isv.BIND_CONFLICT"}, asideFor...)

// another lets a bind that was refused because of the X that it was given be called again with another, within its attempts.
// A bind that may have taken effect before stays with its X: it has to be looked for there.
func (n *number) another(v *verdict, k kind, begun record.Begun) {
	if n == nil || !n.leased.Listed || n.request.PhoneNoX != "" || begun.MayHaveRun || begun.Attempt >= k.attempts {
		return
	}
	if v.state == record.Failed && slices.Contains(takenBy, v.code) {
		n.taken = true
		v.state, v.delay = record.Waiting, 0
	}
}

// lease gives the bind an X of its pool's inventory, the same one in every run of the task, and writes it into the request.
// It returns nil where the action takes none, or the pool has no inventory.
func (d *delivery) lease(ctx context.Context, request []byte) (*number, []byte, error) {
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
	r := n.request
	n.leased, err = d.worker.numbers.Lease(ctx, inventory.Want{
		Pool: r.PoolKey, Task: d.id, Kind: n.kind, A: r.PhoneNoA, B: r.PhoneNoB, City: r.ExpectCity, X: r.PhoneNoX, Extension: r.Extension,
	})
	if err != nil {
		if shortage, ok := errors.AsType[*record.ShortageError](err); ok {
			d.worker.sayShortage(shortage)
		}
		return nil, request, err
	}
	request, err = n.name(request)
	return n, request, err
}

// held names the X that an earlier run of the task leased, for a look. It never leases one: a call that left before the pool
// had an inventory named none, and an X that it never heard of would prove nothing.
func (d *delivery) held(ctx context.Context, begun record.Begun) (*number, []byte, error) {
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
		return nil, request, d.checkUnsent(ctx, n.request.PoolKey, begun)
	}
	n.leased = inventory.Leased{X: holding.X, Extension: holding.Extension, Listed: true}
	request, err = n.name(request)
	return n, request, err
}

// errUnsent: the call in doubt was never made.
var errUnsent = errors.New("the worker ended before it had an X for the call, which was not made")

// checkUnsent returns errUnsent where a bind that needs an X of its pool's inventory never had one: its worker ended before
// it leased one. A call that left before the pool had an inventory is another matter.
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

// numberOf reads what the inventory must know of a request, nil where the action takes no number.
func (d *delivery) numberOf(request []byte) *number {
	kind, takes := numbered[d.kind.action]
	n := &number{kind: kind}
	if !takes || json.Unmarshal(request, &n.request) != nil { // what cannot be read is told by the call
		return nil
	}
	return n
}

// name writes the leased X into a request.
func (n *number) name(request []byte) ([]byte, error) {
	var fields map[string]json.RawMessage
	err := json.Unmarshal(request, &fields)
	if err != nil {
		return request, err
	}
	if fields["PhoneNoX"], err = json.Marshal(n.leased.X); err != nil {
		return request, err
	}
	if n.leased.Extension != "" {
		if fields["Extension"], err = json.Marshal(n.leased.Extension); err != nil {
			return request, err
		}
	}
	return json.Marshal(fields)
}

// noNumber is what it means that no X could be leased: a pool without a free one is final, as the API's own
// isv.NO_AVAILABLE_NUMBER is.
func noNumber(begun record.Begun, err error) verdict {
	v := verdict{state: record.Failed, code: dypls.CodeNotSent, class: dypls.Exhausted, message: "no number of the pool's inventory is free"}
	if !errors.Is(err, inventory.ErrNoneFree) {
		v.class, v.message = dypls.Unavailable, "no number could be leased from the pool's inventory"
		v.wait(redisAway, begun)
	}
	return v
}

// settle tells the inventory what came of the bind: before the record is told of a success, so that nobody is given the same X
// meanwhile, and after it is told of a failure. A doubt changes nothing: the task keeps its X.
func (n *number) settle(ctx context.Context, d *delivery, begun record.Begun, v verdict, p performed) {
	if n == nil || !n.leased.Listed {
		return
	}
	err := d.worker.untilWritten(ctx, d.id, "number", func(ctx context.Context) error {
		switch {
		case v.state == record.Succeeded:
			return d.worker.numbers.Bound(ctx, inventory.Binding{
				Pool: n.request.PoolKey, Task: d.id, Kind: n.kind, A: n.request.PhoneNoA, B: n.request.PhoneNoB, X: n.leased.X,
				Extension: n.leased.Extension, SubsID: p.subsID, Until: n.request.Expiration.Add(clocksDiffer),
			})
		case v.state == record.Failed || n.taken:
			refusal := inventory.Refusal{
				Pool: n.request.PoolKey, Task: d.id, X: n.leased.X, Unperformed: !v.mayHaveRun && !begun.MayHaveRun && !n.taken,
			}
			if slices.Contains(asideFor, v.code) {
				refusal.Aside = v.code
			}
			_, err := d.worker.numbers.Release(ctx, refusal)
			return err
		default:
			return nil
		}
	})
	if err != nil {
		d.worker.log.Error().Str("id", d.id).Err(err).Msg("the inventory could not be told what came of the bind")
	}
}

// follow tells the inventory of a binding that was removed or changed.
func (d *delivery) follow(ctx context.Context, request []byte, v verdict) {
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
			var r dypls.UpdateSubscriptionRequest
			if json.Unmarshal(request, &r) != nil || r.PoolKey == "" {
				return nil //nolint:nilerr // the call has read it
			}
			_, err := d.worker.numbers.Update(ctx, changeOf(r))
			return err
		}
		return nil
	})
	if err != nil {
		d.worker.log.Error().Str("id", d.id).Err(err).Msg("the inventory could not be told of the change")
	}
}

// changeOf is what an update changed about which numbers are in use.
func changeOf(r dypls.UpdateSubscriptionRequest) inventory.Change {
	c := inventory.Change{Pool: r.PoolKey, X: r.PhoneNoX, SubsID: r.SubsID}
	switch r.OperateType {
	case dypls.UpdateNoA:
		c.A = r.PhoneNoA
	case dypls.UpdateNoB:
		c.B = r.PhoneNoB
	case dypls.UpdateExpire:
		c.Until = r.Expiration.Add(clocksDiffer)
	}
	return c
}

// tell writes down what came of a run: in the inventory first where there is a binding, so that nobody is given its X
// meanwhile, and in the record first where there is none.
func (d *delivery) tell(ctx context.Context, x *number, begun record.Begun, v verdict, p performed) {
	if v.state == record.Succeeded {
		x.settle(ctx, d, begun, v, p)
		d.follow(ctx, begun.Request, v)
	}
	d.finish(ctx, d.ending(begun, v, p))
	if v.state != record.Succeeded {
		x.settle(ctx, d, begun, v, p)
	}
}
