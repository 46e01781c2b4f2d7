package dypls

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Finding says what looking for an earlier call's effect brought.
type Finding string

const (
	// Found: the effect is there.
	Found Finding = "Found"
	// Absent: the API shows no such effect now. What is read may lag behind what was written: see
	// [Operation.Find].
	Absent Finding = "Absent"
	// Unknowable: the API cannot tell. Of an unbind it was asked, and shows no binding of that SubsId
	// on that X; of what is not [Operation.Findable] nothing was asked.
	Unknowable Finding = "Unknowable"
)

// Sighting is what [Operation.Find] saw.
type Sighting[Res any] struct {
	Finding Finding
	// Res is what the call would have answered, as far as the API shows it afterwards. Set where
	// Finding is [Found].
	Res Res
	// Surplus is what else fits the request just as well: the call took effect more than once. Res has
	// the lowest SubsId, so that every look takes the same one. Usually nil.
	Surplus []Res
}

// LogValue implements [slog.LogValuer]: numbers are masked.
func (s Sighting[Res]) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", s)) }

// look asks the API whether the call of one request, first made at since, took effect.
type look[Res any] func(ctx context.Context, c Caller, since time.Time) (Sighting[Res], error)

// Findable reports whether [Operation.Find] can tell about this request, without a call. A bind
// must name PhoneNoX, for the API finds bindings by X alone; a BindAxnExtension its Extension, too,
// and a BindAxg a GroupId that is a number. An update must change what the API shows: all but OutId
// and CallDisplayType. An unbind always is.
func (o Operation[Req, Res]) Findable(req Req) bool { return o.lookFor(req) != nil }

// Find looks whether an earlier call of this request, first made at since, took effect. It only
// reads: one call for the list of what is on X, and one for each binding on it (up to 200 pairs, or
// 1,000 extensions) until the answer is clear; an update takes one.
//
//   - A bind is [Found] where X serves an active binding of the same A, B (where the request names
//     one), group, extension and Expiration, made no earlier than 5 s before since. One that was
//     unbound, has expired or was updated meanwhile is [Absent]. Two requests alike in all of these
//     cannot be told apart: compare the SubsId with those that are known to be another's.
//   - An unbind is Found where the API shows that SubsId and X belong together, and that the
//     binding is over, whoever ended it; Absent where it still stands; and [Unknowable] where the
//     API shows no such binding: it never was, another X has it, or it was removed and forgotten.
//   - An update is Found where the binding's state is as wanted, whoever made it so; where the
//     binding is gone it is Absent.
//
// How soon the API shows what was done is not documented. Absent means something only when nothing
// of the earlier call can be under way any more, and after a second look, half a minute after the
// first.
//
// A look-up that fails is returned as its error, with its own Action and no Finding: nothing is
// known then. Its Class is about the look-up; none is a verdict on the earlier call.
func (o Operation[Req, Res]) Find(
	ctx context.Context,
	c Caller,
	req Req,
	since time.Time,
) (Sighting[Res], error) {
	look := o.lookFor(req)
	if look == nil {
		return Sighting[Res]{Finding: Unknowable}, nil
	}
	return look(ctx, c, since)
}

func (o Operation[Req, Res]) lookFor(req Req) look[Res] {
	if o.find == nil {
		return nil
	}
	return o.find(req)
}
