package dyplstest

import (
	"errors"
	"strings"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Kinds of calls and reasons why they do not connect, as receipts tell them.
const (
	typeFromA       = 0
	typeToA         = 1
	typeIntercepted = 4

	causeConnected  = 0
	causeNoBinding  = 2
	causeRestricted = 3
)

// ErrNoBinding is wrapped by errors about a [Dial] that names nothing to dial.
var ErrNoBinding = errors.New("there is nothing to dial")

type noBindingError string

func (e noBindingError) Error() string        { return string(e) }
func (e noBindingError) Is(target error) bool { return target == ErrNoBinding }

// route is where a call leads.
type route struct {
	number           *number
	binding          *binding // nil where there is none for who calls
	callType         int
	unconnectedCause int
	peer             dypls.Phone // the side that is not A
}

// route finds what a call reaches. A binding that is named must be there. On an X that is named, a
// caller without a binding is intercepted, as by the service.
func (a *owned) route(d Dial) (route, error) {
	if d.SubsID != "" {
		b := a.subs[d.SubsID]
		switch {
		case b == nil || b.expired:
			return route{}, noBindingError(
				"subs_id must name an active binding of the account: bind first, or name the account in access_key_id",
			)
		case d.SecretNo != "" && d.SecretNo != b.PhoneNoX:
			return route{}, noBindingError("secret_no must be the X of subs_id: leave one of them out")
		}
		r, reached := b.reach(d)
		if !reached {
			return route{}, noBindingError(
				"caller must be one whom this binding connects: A, its B where it has one, or a member of its group; A needs a callee where it has no B",
			)
		}
		return r, nil
	}
	n := a.numbers[d.SecretNo]
	if n == nil {
		return route{}, noBindingError(
			"secret_no must be a number of the account's pools: add it to Config.Pools, or name the account in access_key_id",
		)
	}
	for _, b := range n.bindings {
		if b.kind == extensions && d.Caller != b.PhoneNoA && d.Extension != b.Extension {
			continue
		}
		if r, reached := b.reach(d); reached {
			return r, nil
		}
	}
	return route{
		number:           n,
		callType:         typeIntercepted,
		unconnectedCause: causeNoBinding,
		peer:             d.Caller,
	}, nil
}

// reach is where a call on a binding leads, if the binding is for who calls.
func (b *binding) reach(d Dial) (route, bool) {
	r := route{number: b.number, binding: b}
	disabled := dypls.ControlBXDisable
	if d.Caller == b.PhoneNoA {
		r.callType, r.peer, disabled = typeFromA, b.PhoneNoB, dypls.ControlAXDisable
		if d.Callee != "" && b.kind != pairing {
			r.peer = d.Callee
		}
		if r.peer == "" {
			return route{}, false
		}
	} else {
		r.callType, r.peer = typeToA, d.Caller
		if b.kind == pairing && d.Caller != b.PhoneNoB || !b.inGroup(d.Caller) {
			return route{}, false
		}
	}
	if b.CallRestrict != "" && strings.EqualFold(b.CallRestrict, disabled) {
		r.callType, r.unconnectedCause = typeIntercepted, causeRestricted
	}
	return r, true
}

// inGroup reports whether somebody may call a binding of a group. One without a group is for
// everybody.
func (b *binding) inGroup(person dypls.Phone) bool {
	return b.GroupID == "" || b.number.pool.group(b.GroupID).has(person)
}
