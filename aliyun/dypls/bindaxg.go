package dypls

import "log/slog"

// BindAXG makes X ring A, but only for the numbers of group G. Published quota: 5,000 calls a
// second and account.
var BindAXG = Operation[BindAXGRequest, Binding]{
	Action: "BindAxg", Mutates: true, decode: decodeBinding,
	outID: func(r *BindAXGRequest) *string { return &r.OutID },
	find:  BindAXGRequest.look,
}

// BindAXGRequest holds the parameters of BindAxg.
// Without PhoneNoX the platform picks X, and an answer that is lost cannot be looked up.
type BindAXGRequest struct {
	PoolKey            string `json:"PoolKey"`
	PhoneNoA           Phone  `json:"PhoneNoA"`
	GroupID            string `json:"GroupId"`           // G, which must hold at least one number
	PhoneNoB           Phone  `json:"PhoneNoB,omitzero"` // whom A reaches by dialling X
	PhoneNoX           Phone  `json:"PhoneNoX,omitzero"`
	Expiration         Time   `json:"Expiration"`          // more than 60 s ahead
	ExpectCity         string `json:"ExpectCity,omitzero"` // of X, in Chinese without 市
	IsRecordingEnabled bool   `json:"IsRecordingEnabled,omitzero"`
	OutID              string `json:"OutId,omitzero"` // comes back in the receipts of calls
	OutOrderID         string `json:"OutOrderId,omitzero"`
	CallRestrict       string `json:"CallRestrict,omitzero"`
	CallDisplayType    int    `json:"CallDisplayType,omitzero"` // 1: both sides see X
	RingConfig         string `json:"RingConfig,omitzero"`      // a JSON object
	ASRStatus          bool   `json:"ASRStatus,omitzero"`
	ASRModelID         string `json:"ASRModelId,omitzero"`
}

// Validate implements [Request].
func (r BindAXGRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r BindAXGRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r BindAXGRequest) describe(d *description) {
	d.requiredIdentifier("PoolKey", r.PoolKey)
	AXGBind{
		PhoneNoA:           r.PhoneNoA,
		GroupID:            r.GroupID,
		PhoneNoB:           r.PhoneNoB,
		PhoneNoX:           r.PhoneNoX,
		Expiration:         r.Expiration,
		ExpectCity:         r.ExpectCity,
		IsRecordingEnabled: r.IsRecordingEnabled,
		OutID:              r.OutID,
		OutOrderID:         r.OutOrderID,
		CallRestrict:       r.CallRestrict,
		CallDisplayType:    r.CallDisplayType,
		RingConfig:         r.RingConfig,
		ASRStatus:          r.ASRStatus,
		ASRModelID:         r.ASRModelID,
	}.describe(d)
}

// look: a bind of this kind answers the group as its Extension. A group that is not a number is not
// shown later.
func (r BindAXGRequest) look() look[Binding] {
	group := groupNumber(r.GroupID)
	if group == 0 {
		return nil
	}
	return soughtBinding{
		poolKey:    r.PoolKey,
		x:          r.PhoneNoX,
		a:          r.PhoneNoA,
		b:          r.PhoneNoB,
		group:      group,
		expiration: r.Expiration,
	}.look(func(SubscriptionDetail) Phone { return Phone(r.GroupID) })
}
