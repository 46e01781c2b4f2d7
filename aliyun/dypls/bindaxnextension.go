package dypls

import "log/slog"

// BindAXNExtension makes X followed by an extension of 1-3 digits ring A; many share one X.
// Published quota: 5,000 calls a second and account.
var BindAXNExtension = Operation[BindAXNExtensionRequest, Binding]{
	Action: "BindAxnExtension", Mutates: true, decode: decodeBinding,
	outID: func(r *BindAXNExtensionRequest) *string { return &r.OutID },
	find:  BindAXNExtensionRequest.look,
}

// BindAXNExtensionRequest holds the parameters of BindAxnExtension. Without PhoneNoX and Extension
// the platform picks them, and an answer that is lost cannot be looked up.
type BindAXNExtensionRequest struct {
	PoolKey            string `json:"PoolKey"`
	PhoneNoA           Phone  `json:"PhoneNoA"`
	PhoneNoB           Phone  `json:"PhoneNoB,omitzero"` // whom A reaches by dialling X
	PhoneNoX           Phone  `json:"PhoneNoX,omitzero"`
	Extension          string `json:"Extension,omitzero"`  // 1-3 digits; only together with PhoneNoX
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
	Extend             string `json:"Extend,omitzero"`
}

// Validate implements [Request].
func (r BindAXNExtensionRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r BindAXNExtensionRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r BindAXNExtensionRequest) describe(d *description) {
	d.requiredIdentifier("PoolKey", r.PoolKey)
	d.required("PhoneNoA", string(r.PhoneNoA))
	d.phoneNoA(r.PhoneNoA)
	d.dialable("PhoneNoB", r.PhoneNoB)
	d.dialable("PhoneNoX", r.PhoneNoX)
	if r.Extension != "" && (!isDigits(r.Extension) || len(r.Extension) > 3) {
		d.problem("Extension", "must be 1-3 digits", "shorten it, or leave it to the platform")
	}
	if r.Extension != "" && r.PhoneNoX == "" {
		d.problem(
			"Extension",
			"goes only with PhoneNoX",
			"name PhoneNoX too, or leave both to the platform",
		)
	}
	d.add(Parameter{Name: "Extension", Value: r.Extension})
	d.distinct(r.PhoneNoA, r.PhoneNoB, r.PhoneNoX)
	d.bindCommon(bindCommon{
		r.Expiration, r.ExpectCity, r.IsRecordingEnabled, r.OutID, r.OutOrderID, r.CallRestrict,
		r.CallDisplayType, r.RingConfig, r.ASRStatus, r.ASRModelID,
	})
	d.text("Extend", r.Extend)
}

// look needs the extension named, too: A may have several on one X.
func (r BindAXNExtensionRequest) look() look[Binding] {
	if r.Extension == "" {
		return nil
	}
	return soughtBinding{
		poolKey:    r.PoolKey,
		x:          r.PhoneNoX,
		a:          r.PhoneNoA,
		b:          r.PhoneNoB,
		extension:  r.Extension,
		expiration: r.Expiration,
	}.look(func(d SubscriptionDetail) Phone { return d.Extension })
}
