package dypls

// bindCommon holds the parameters that all four binds share beside their numbers, in the order of
// the API's page.
type bindCommon struct {
	Expiration         Time
	ExpectCity         string
	IsRecordingEnabled bool
	OutID              string
	OutOrderID         string
	CallRestrict       string
	CallDisplayType    int
	RingConfig         string
	ASRStatus          bool
	ASRModelID         string
}

func (d *description) bindCommon(c bindCommon) {
	if c.Expiration.IsZero() {
		d.required("Expiration", "")
	}
	d.expiration("Expiration", c.Expiration)
	d.city("ExpectCity", c.ExpectCity)
	d.flag("IsRecordingEnabled", c.IsRecordingEnabled)
	d.ownText("OutId", c.OutID)
	d.ownText("OutOrderId", c.OutOrderID)
	d.oneOf("CallRestrict", c.CallRestrict, ControlAXDisable, ControlBXDisable, ControlClearDisable)
	d.number("CallDisplayType", c.CallDisplayType, 1, 1)
	d.object(ringConfig, c.RingConfig)
	d.flag("ASRStatus", c.ASRStatus)
	d.identifier("ASRModelId", c.ASRModelID)
}
