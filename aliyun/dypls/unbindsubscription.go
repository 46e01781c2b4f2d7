package dypls

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"
)

// UnbindSubscription removes a binding of any kind. Published quota: 5,000 calls a second and
// account.
var UnbindSubscription = Operation[UnbindSubscriptionRequest, Unbinding]{
	Action: "UnbindSubscription", Mutates: true, Repeatable: true, Removes: true,
	decode: decodeUnbinding, find: UnbindSubscriptionRequest.look,
}

// UnbindSubscriptionRequest holds the parameters of UnbindSubscription.
type UnbindSubscriptionRequest struct {
	PoolKey string `json:"PoolKey,omitzero"`
	// in place of PoolKey, customers of the first years only
	ProductType string `json:"ProductType,omitzero"`
	SubsID      string `json:"SubsId"`
	SecretNo    Phone  `json:"SecretNo"` // X
}

// Unbinding is the answer of UnbindSubscription.
type Unbinding struct {
	ChargeID string `json:"ChargeId,omitzero"` // no longer in use
}

// Masked returns the answer as people may see it.
func (u Unbinding) Masked() Unbinding {
	u.ChargeID = maskMobiles(u.ChargeID)
	return u
}

// Validate implements [Request].
func (r UnbindSubscriptionRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r UnbindSubscriptionRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r UnbindSubscriptionRequest) describe(d *description) {
	d.pool(r.PoolKey, r.ProductType)
	d.requiredIdentifier("SubsId", r.SubsID)
	d.required("SecretNo", string(r.SecretNo))
	d.dialable("SecretNo", r.SecretNo)
}

func decodeUnbinding(body []byte) (Unbinding, error) {
	var answer struct {
		ChargeID loose `json:"ChargeId"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return Unbinding{}, errIncomplete
	}
	return Unbinding{ChargeID: string(answer.ChargeID)}, nil
}

// look asks for the binding's detail, the one answer of the API that shows a SubsId and its X
// together. The list of what is on X will not do: a pair that never was is missing there just as
// one that is gone.
func (r UnbindSubscriptionRequest) look() look[Unbinding] {
	return func(ctx context.Context, c Caller, _ time.Time) (Sighting[Unbinding], error) {
		d, there, err := subscription(ctx, c, QuerySubscriptionDetailRequest{
			PoolKey: r.PoolKey, ProductType: r.ProductType, SubsID: r.SubsID, PhoneNoX: r.SecretNo,
		})
		switch {
		case err != nil:
			return Sighting[Unbinding]{}, err
		case !there, d.SubsID != r.SubsID, d.PhoneNoX != r.SecretNo:
			return Sighting[Unbinding]{Finding: Unknowable}, nil
		case d.Status == SubscriptionActive:
			return Sighting[Unbinding]{Finding: Absent}, nil
		}
		return Sighting[Unbinding]{Finding: Found}, nil
	}
}
