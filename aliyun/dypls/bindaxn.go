package dypls

import "log/slog"

// BindAXN makes X ring A, whoever (N) dials it. X is A's alone. Published quota: 5,000 calls a
// second and account.
var BindAXN = Operation[BindAXNRequest, Binding]{
	Action: "BindAxn", Mutates: true, decode: decodeBinding,
	outID: func(r *BindAXNRequest) *string { return &r.OutID },
	find:  BindAXNRequest.look,
}

// BindAXNRequest holds the parameters of BindAxn.
// Without PhoneNoX the platform picks X, and an answer that is lost cannot be looked up.
type BindAXNRequest struct {
	PoolKey            string `json:"PoolKey"`
	PhoneNoA           Phone  `json:"PhoneNoA"`
	PhoneNoB           Phone  `json:"PhoneNoB,omitzero"` // whom A reaches by dialling X
	PhoneNoX           Phone  `json:"PhoneNoX,omitzero"`
	Expiration         Time   `json:"Expiration"`          // more than 60 s ahead
	ExpectCity         string `json:"ExpectCity,omitzero"` // of X, in Chinese without 市
	IsRecordingEnabled bool   `json:"IsRecordingEnabled,omitzero"`
	OutID              string `json:"OutId,omitzero"` // comes back in the receipts of calls
	OutOrderID         string `json:"OutOrderId,omitzero"`
	CallRestrict       string `json:"CallRestrict,omitzero"`
	CallDisplayType    int    `json:"CallDisplayType,omitzero"` // 1: both sides see X
	CallTimeout        int    `json:"CallTimeout,omitzero"`     // of sequential ringing, 5-20 s
	RingConfig         string `json:"RingConfig,omitzero"`      // a JSON object
	ASRStatus          bool   `json:"ASRStatus,omitzero"`
	ASRModelID         string `json:"ASRModelId,omitzero"`
	NoType             string `json:"NoType,omitzero"` // customers of Alidayu only
	Extend             string `json:"Extend,omitzero"`
}

// Validate implements [Request].
func (r BindAXNRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r BindAXNRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r BindAXNRequest) describe(d *description) {
	d.requiredIdentifier("PoolKey", r.PoolKey)
	d.required("PhoneNoA", string(r.PhoneNoA))
	d.phoneNoA(r.PhoneNoA)
	d.dialable("PhoneNoB", r.PhoneNoB)
	d.dialable("PhoneNoX", r.PhoneNoX)
	d.distinct(r.PhoneNoA, r.PhoneNoB, r.PhoneNoX)
	d.bindCommon(bindCommon{
		r.Expiration, r.ExpectCity, r.IsRecordingEnabled, r.OutID, r.OutOrderID, r.CallRestrict,
		r.CallDisplayType, r.RingConfig, r.ASRStatus, r.ASRModelID,
	})
	d.number("CallTimeout", r.CallTimeout, 5, 20)
	d.identifier("NoType", r.NoType)
	d.text("Extend", r.Extend)
}

// look: a bind of this kind answers B as its Extension, or the number that the platform invents in
// its place.
func (r BindAXNRequest) look() look[Binding] {
	return soughtBinding{
		poolKey:    r.PoolKey,
		x:          r.PhoneNoX,
		a:          r.PhoneNoA,
		b:          r.PhoneNoB,
		expiration: r.Expiration,
	}.
		look(func(d SubscriptionDetail) Phone { return d.PhoneNoB })
}
