package dypls

import (
	"context"
	"time"
)

// Operation ties an action of the API to its request and response types.
// It is a value: [Operation.Call] performs it now, package tasks performs it later.
type Operation[Req Request, Res any] struct {
	// Action is the API's own name, such as BindAxn.
	Action string
	// Mutates tells that a call changes something, so that one whose answer is lost must not be
	// repeated blindly.
	Mutates bool
	// Repeatable tells that a call may simply be made again when it is not known whether an earlier
	// one took effect: it changes nothing, or sets a state that a second call sets again.
	Repeatable bool
	// Removes tells that a call is there to make its object go: that it is gone already is no failure
	// of a repeated one.
	Removes bool

	decode func(body []byte) (Res, error)
	// the request's OutId, where the action has one that comes back in receipts
	outID func(*Req) *string
	find  func(Req) look[Res] // nil, or returning nil: whether a call took effect cannot be seen
}

// WithOutID returns the request with id as its OutId, where the action makes a binding and the
// request has none of its own. Receipts of calls carry it: the only way back from a call to the
// request that bound it.
func (o Operation[Req, Res]) WithOutID(req Req, id string) Req {
	if o.outID != nil && *o.outID(&req) == "" {
		*o.outID(&req) = id
	}
	return req
}

// Call performs the operation now: one signed request, never a second.
// The error is a *[ValidationError] (nothing was sent) or an *[Error].
func (o Operation[Req, Res]) Call(ctx context.Context, c Caller, req Req) (Res, error) {
	var none Res
	described := describe(req, time.Now())
	if err := described.err(); err != nil {
		return none, err
	}
	answer, err := c.Call(
		ctx,
		Call{Action: o.Action, Mutates: o.Mutates, Parameters: described.parameters},
	)
	if err != nil {
		return none, err
	}
	if answer.Code != CodeOK {
		return none, o.failure(answer, described.parameters)
	}
	res, err := o.decode(answer.Body)
	if err != nil {
		return none, o.unusable(answer, err)
	}
	return res, nil
}
