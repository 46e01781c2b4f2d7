package dypls

// AXGBind is one bind of a [BindBatchAXG]: a BindAxg without its PoolKey.
type AXGBind struct {
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

func (b AXGBind) describe(d *description) {
	d.required("PhoneNoA", string(b.PhoneNoA))
	d.phoneNoA(b.PhoneNoA)
	d.requiredIdentifier("GroupId", b.GroupID)
	d.dialable("PhoneNoB", b.PhoneNoB)
	d.dialable("PhoneNoX", b.PhoneNoX)
	d.distinct(b.PhoneNoA, b.PhoneNoB, b.PhoneNoX)
	d.bindCommon(bindCommon{
		b.Expiration, b.ExpectCity, b.IsRecordingEnabled, b.OutID, b.OutOrderID, b.CallRestrict,
		b.CallDisplayType, b.RingConfig, b.ASRStatus, b.ASRModelID,
	})
}
