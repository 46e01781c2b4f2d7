package dypls

import "log/slog"

// BindAXB makes A reach B, and B reach A, by dialling X. One X serves up to 200 such pairs, as long
// as no A or B repeats on it. Published quota: 5,000 calls a second and account.
var BindAXB = Operation[BindAXBRequest, Binding]{
	Action: "BindAxb", Mutates: true, decode: decodeBinding,
	outID: func(r *BindAXBRequest) *string { return &r.OutID },
	find:  BindAXBRequest.look,
}

// BindAXBRequest holds the parameters of BindAxb.
// Without PhoneNoX the platform picks X, and an answer that is lost cannot be looked up.
type BindAXBRequest struct {
	PoolKey            string `json:"PoolKey"`
	PhoneNoA           Phone  `json:"PhoneNoA"`
	PhoneNoB           Phone  `json:"PhoneNoB"`
	PhoneNoX           Phone  `json:"PhoneNoX,omitzero"`
	Expiration         Time   `json:"Expiration"`          // more than 60 s ahead
	ExpectCity         string `json:"ExpectCity,omitzero"` // of X, in Chinese without 市
	IsRecordingEnabled bool   `json:"IsRecordingEnabled,omitzero"`
	OutID              string `json:"OutId,omitzero"` // comes back in the receipts of calls
	OutOrderID         string `json:"OutOrderId,omitzero"`
	CallRestrict       string `json:"CallRestrict,omitzero"`
	CallDisplayType    int    `json:"CallDisplayType,omitzero"` // 1: both sides see X
	// of sequential ringing: 5-20 s by the page, up to 180 by the metadata
	CallTimeout int    `json:"CallTimeout,omitzero"`
	RingConfig  string `json:"RingConfig,omitzero"` // a JSON object
	DTMFConfig  string `json:"DtmfConfig,omitzero"` // a JSON object
	ASRStatus   bool   `json:"ASRStatus,omitzero"`
	ASRModelID  string `json:"ASRModelId,omitzero"`
}

// Validate implements [Request].
func (r BindAXBRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r BindAXBRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r BindAXBRequest) describe(d *description) {
	d.requiredIdentifier("PoolKey", r.PoolKey)
	d.required("PhoneNoA", string(r.PhoneNoA))
	d.phoneNoA(r.PhoneNoA)
	d.required("PhoneNoB", string(r.PhoneNoB))
	d.dialable("PhoneNoB", r.PhoneNoB)
	d.dialable("PhoneNoX", r.PhoneNoX)
	d.distinct(r.PhoneNoA, r.PhoneNoB, r.PhoneNoX)
	d.bindCommon(bindCommon{
		r.Expiration, r.ExpectCity, r.IsRecordingEnabled, r.OutID, r.OutOrderID, r.CallRestrict,
		r.CallDisplayType, r.RingConfig, r.ASRStatus, r.ASRModelID,
	})
	d.number("CallTimeout", r.CallTimeout, 1, 180)
	d.object(dtmfConfig, r.DTMFConfig)
}

// look: a bind of this kind answers A as its Extension.
func (r BindAXBRequest) look() look[Binding] {
	return soughtBinding{
		poolKey:    r.PoolKey,
		x:          r.PhoneNoX,
		a:          r.PhoneNoA,
		b:          r.PhoneNoB,
		expiration: r.Expiration,
	}.
		look(func(d SubscriptionDetail) Phone { return d.PhoneNoA })
}
