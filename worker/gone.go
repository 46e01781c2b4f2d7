package worker

import (
	"context"
	"encoding/json"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/record"
	"github.com/seed-5c07c2e9/dyplsq/worker/internal/reaper"
)

// acceptGone lets a removal have succeeded that the API refused because the binding is not there, where the binding is known to
// have been made, by what the API answered to its bind: then it is gone, whoever removed it. Of any other pair of SubsId and X
// that refusal says as little as of one that never was.
func (d *delivery) acceptGone(ctx context.Context, v *verdict, begun record.Begun) {
	if d.kind.removes && v.doubt == record.DoubtRefusal && d.wasMade(ctx, begun) {
		v.gone("it was gone already, removed by somebody else")
	}
}

// wasMade reports whether the binding that an unbind is to remove is known to have been made.
func (d *delivery) wasMade(ctx context.Context, begun record.Begun) bool {
	r := unbindOf(begun.Request)
	if begun.Undoes != "" || d.id == reaper.SurplusTask(d.of, r.SubsID) { // taken from the answer of a bind's task
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
