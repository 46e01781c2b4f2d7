package inventory

import (
	"encoding/json"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// clocksDiffer is added to a binding's expiry before its number is taken to be free.
const clocksDiffer = 5 * time.Minute

// kinds are the actions that take a number of the inventory, and what they need of it.
var kinds = map[string]Kind{
	dypls.BindAXN.Action:          Alone,
	dypls.BindAXG.Action:          Alone,
	dypls.BindAXB.Action:          Pair,
	dypls.BindAXNExtension.Action: Extension,
}

// Ask is what an inventory must know of a bind, under the API's names.
type Ask struct {
	Kind Kind `json:"-"`

	PoolKey    string      `json:"PoolKey"`
	PhoneNoA   dypls.Phone `json:"PhoneNoA"`
	PhoneNoB   dypls.Phone `json:"PhoneNoB"`
	PhoneNoX   dypls.Phone `json:"PhoneNoX"`
	Extension  string      `json:"Extension"`
	Expiration dypls.Time  `json:"Expiration"`
	ExpectCity string      `json:"ExpectCity"`
}

// AskOf reads it from a request, or from a part of one. ok is false where the action takes no
// number, or nothing can be read.
func AskOf(action string, request []byte) (a Ask, ok bool) {
	a.Kind, ok = kinds[action]
	return a, ok && json.Unmarshal(request, &a) == nil
}

// Want is what the bind needs an X for.
func (a Ask) Want(task string) Want {
	return Want{
		Pool:      a.PoolKey,
		Task:      task,
		Kind:      a.Kind,
		A:         a.PhoneNoA,
		B:         a.PhoneNoB,
		City:      a.ExpectCity,
		X:         a.PhoneNoX,
		Extension: a.Extension,
		Until:     Until(a.Expiration),
	}
}

// Until is until when a binding's number may be bound, by any clock; the zero time where it has no
// expiry.
func Until(expiration dypls.Time) time.Time {
	if expiration.IsZero() {
		return time.Time{}
	}
	return expiration.Add(clocksDiffer)
}
