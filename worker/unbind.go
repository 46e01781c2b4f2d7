package worker

import (
	"context"
	"encoding/json"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/reaper"
)

const (
	bindWaitBase = time.Second
	bindWaitCap  = 30 * time.Second
)

// resolveBind finds out what an unbind is to remove that names the task of its bind.
func (d *delivery) resolveBind(ctx context.Context) error {
	request, instead := d.unbindOfBind(ctx, d.begun)
	if instead != nil {
		return instead
	}
	d.begun.Request = request
	return nil
}

// unbindOfBind waits for the bind that an unbind names, or withdraws it where no call of it took
// effect. Where there is nothing to call, it returns what becomes of the
// task instead, as a gate does.
func (d *delivery) unbindOfBind(
	ctx context.Context,
	begun record.Begun,
) (request []byte, instead error) {
	if begun.Undoes == "" || unbindOf(begun.Request).SubsID != "" { // an earlier run has found it out
		return begun.Request, nil
	}
	var state record.State
	foreign := false
	err := d.worker.untilWritten(ctx, d.id, "bind", func(ctx context.Context) error {
		binds, err := d.worker.records.Read(ctx, begun.Undoes)
		if err != nil {
			return err
		}
		if foreign = binds[0].State != "" && binds[0].Account != d.accountName; foreign {
			return nil
		}
		state, err = d.worker.records.Cancel(ctx, begun.Undoes, d.worker.agreed.Keep())
		return err
	})
	switch {
	case foreign: // the key names another account's task by now
		return nil, bindForgotten()
	case err != nil:
		return nil, bindPending(begun)
	case state == record.Succeeded:
		return d.rewrite(ctx, begun)
	case state == record.Canceled:
		d.worker.syncInventory(ctx, begun.Undoes)
		return nil, &decidedError{verdict{
			state:   record.Succeeded,
			code:    dypls.CodeOK,
			message: "the bind was withdrawn before it took effect: there is nothing to unbind",
		}}
	case state == record.Failed:
		return nil, &decidedError{verdict{
			state:   record.Succeeded,
			code:    dypls.CodeOK,
			message: "the bind failed: there is nothing to unbind",
		}}
	case state == "":
		return nil, bindForgotten()
	}
	return nil, bindPending(begun)
}

// rewrite writes the request that removes a binding, for this run and the later ones: the bind's
// record may be gone by then.
func (d *delivery) rewrite(
	ctx context.Context,
	begun record.Begun,
) (request []byte, instead error) {
	held := false
	var sealed error // why the bind's result does not open
	err := d.worker.untilWritten(ctx, d.id, "rewrite", func(ctx context.Context) error {
		binds, err := d.worker.records.Read(ctx, begun.Undoes)
		if err != nil {
			return err
		}
		if sealed = binds[0].Undecryptable; sealed != nil {
			return nil //nolint:nilerr // it is told below
		}
		if request = unbinding([]byte(binds[0].Undoing), binds[0].Result); request == nil {
			return nil
		}
		held, err = d.worker.records.Rewrite(ctx, d.id, d.accountName, begun.Fence, request)
		return err
	})
	switch {
	case err == nil && sealed != nil:
		d.noteUndecryptable(sealed)
		return nil, d.worker.undecryptable(sealed)
	case err == nil && request == nil:
		return nil, bindForgotten()
	case err != nil || !held:
		return nil, bindPending(begun)
	}
	return request, nil
}

func bindPending(begun record.Begun) error {
	v := verdict{
		code:    dypls.CodeNotSent,
		class:   dypls.Unavailable,
		message: "waiting for the outcome of the bind's task",
	}
	v.wait(growing(bindWaitBase, bindWaitCap, begun.Uncounted), begun)
	return &decidedError{v}
}

func bindForgotten() error {
	return &decidedError{verdict{
		state:   record.Failed,
		code:    dypls.CodeNotSent,
		class:   dypls.Rejected,
		message: "the bind's outcome is no longer kept: enqueue the unbind with PoolKey, SubsId and SecretNo",
	}}
}

// unbinding is the request that removes the binding which a bind made, nil where there is none.
// bind holds the pool, under the names that both requests share.
func unbinding(bind, result []byte) []byte {
	var undo dypls.UnbindSubscriptionRequest
	var made dypls.Binding
	if json.Unmarshal(bind, &undo) != nil || json.Unmarshal(result, &made) != nil ||
		made.SubsID == "" {
		return nil
	}
	undo.SubsID, undo.SecretNo = made.SubsID, made.SecretNo
	request, err := json.Marshal(undo)
	if err != nil {
		return nil
	}
	return request
}

// acceptGone lets a removal have succeeded that the API refused because the binding is not there,
// where the binding is known to have been made, by what the API answered to its bind: then it is
// gone, whoever removed it. Of any other pair of SubsId and X that refusal says as little as of one
// that never was.
func (d *delivery) acceptGone(ctx context.Context, v *verdict, begun record.Begun) {
	if d.kind.removes && v.doubt == record.DoubtRefusal && d.wasMade(ctx, begun) {
		v.gone("it was gone already, removed by somebody else")
	}
}

// wasMade reports whether the binding that an unbind is to remove is known to have been made.
func (d *delivery) wasMade(ctx context.Context, begun record.Begun) bool {
	r := unbindOf(begun.Request)
	if begun.Undoes != "" ||
		d.id == reaper.SurplusTask(d.accountName, r.SubsID) { // taken from the answer of a bind's task
		return true
	}
	var known bool
	err := d.worker.untilWritten(ctx, d.id, "number", func(ctx context.Context) (err error) {
		known, err = d.worker.numbers.Knows(ctx, r.PoolKey, r.SecretNo, r.SubsID)
		return err
	})
	return err == nil && known
}

// unbindOf reads the request of an unbind; what cannot be read is told by the call.
func unbindOf(request []byte) (r dypls.UnbindSubscriptionRequest) {
	_ = json.Unmarshal(request, &r)
	return r
}
