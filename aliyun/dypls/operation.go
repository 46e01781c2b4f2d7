package dypls

import (
	"context"
	"time"
)

// maxAnswer is the most that an answer may have: a MiB.
const maxAnswer = 1 << 20

// Done is the answer of an operation that says no more than OK.
type Done struct{}

// Masked returns the answer as people may see it.
func (d Done) Masked() Done { return d }

func decodeDone([]byte) (Done, error) { return Done{}, nil }

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
	// what is wrong with parts of a result, where an OK covers several; nil where it covers one
	partly func(Req, *Res) error
	// how many bytes an answer may have, where the usual is too few: see Call.MaxAnswer
	maxAnswer int
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
// The error is a *[ValidationError] (nothing was sent) or an *[Error]. Of a batch it may be a
// *[PartialError] as well: then the result is there, too.
func (o Operation[Req, Res]) Call(ctx context.Context, c Caller, req Req) (Res, error) {
	var none Res
	described := describe(req, time.Now())
	if err := described.err(); err != nil {
		return none, err
	}
	answer, err := c.Call(ctx, Call{
		Action:     o.Action,
		Mutates:    o.Mutates,
		Parameters: described.parameters,
		MaxAnswer:  o.maxAnswer,
	})
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
	if o.partly != nil {
		err = o.partly(req, &res)
		return res, err
	}
	return res, nil
}
