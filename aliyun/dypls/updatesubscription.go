package dypls

import "log/slog"

// UpdateSubscription changes one thing about a binding, which OperateType names. It sets a state,
// so to repeat it is harmless, unless a newer change came in between. Published quota:
// 10,000-12,000 calls a second and account.
var UpdateSubscription = Operation[UpdateSubscriptionRequest, Update]{
	Action:     "UpdateSubscription",
	Mutates:    true,
	Repeatable: true,
	decode:     decodeUpdate,
	find:       UpdateSubscriptionRequest.look,
}

// OperateType values: what an UpdateSubscription changes.
const (
	UpdateNoA                = "updateNoA"
	UpdateNoB                = "updateNoB"
	UpdateExpire             = "updateExpire"
	UpdateAXGGroup           = "updateAxgGroup"
	UpdateCallRestrict       = "updateCallRestrict"
	UpdateCallDisplayType    = "updateCallDisplayType"
	UpdateOutID              = "updateOutId"
	UpdateIsRecordingEnabled = "updateIsRecordingEnabled"
	UpdateASR                = "updateAsr"
)

// UpdateSubscriptionRequest holds the parameters of UpdateSubscription.
type UpdateSubscriptionRequest struct {
	PoolKey string `json:"PoolKey,omitzero"`
	// in place of PoolKey, customers of the first years only
	ProductType        string `json:"ProductType,omitzero"`
	SubsID             string `json:"SubsId"`
	PhoneNoX           Phone  `json:"PhoneNoX"`
	OperateType        string `json:"OperateType"`
	PhoneNoA           Phone  `json:"PhoneNoA,omitzero"`
	PhoneNoB           Phone  `json:"PhoneNoB,omitzero"`
	Expiration         Time   `json:"Expiration,omitzero"` // more than 60 s ahead
	GroupID            string `json:"GroupId,omitzero"`
	CallRestrict       string `json:"CallRestrict,omitzero"`
	CallDisplayType    int    `json:"CallDisplayType,omitzero"` // 1: both sides see X
	OutID              string `json:"OutId,omitzero"`
	IsRecordingEnabled *bool  `json:"IsRecordingEnabled,omitzero"` // nil: unchanged
	RingConfig         string `json:"RingConfig,omitzero"`         // a JSON object
	ASRStatus          *bool  `json:"ASRStatus,omitzero"`          // nil: unchanged
	ASRModelID         string `json:"ASRModelId,omitzero"`
}

// Update is the answer of UpdateSubscription, which holds nothing of its own.
type Update struct{}

// Masked returns the answer as people may see it.
func (u Update) Masked() Update { return u }

// Validate implements [Request].
func (r UpdateSubscriptionRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r UpdateSubscriptionRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r UpdateSubscriptionRequest) describe(d *description) {
	d.pool(r.PoolKey, r.ProductType)
	d.requiredIdentifier("SubsId", r.SubsID)
	d.required("PhoneNoX", string(r.PhoneNoX))
	d.dialable("PhoneNoX", r.PhoneNoX)
	d.required("OperateType", r.OperateType)
	d.oneOf(
		"OperateType",
		r.OperateType,
		UpdateNoA,
		UpdateNoB,
		UpdateExpire,
		UpdateAXGGroup,
		UpdateCallRestrict,
		UpdateCallDisplayType,
		UpdateOutID,
		UpdateIsRecordingEnabled,
		UpdateASR,
	)
	r.describeOperand(d)
	d.phoneNoA(r.PhoneNoA)
	d.dialable("PhoneNoB", r.PhoneNoB)
	d.distinct(r.PhoneNoA, r.PhoneNoB, r.PhoneNoX)
	d.expiration("Expiration", r.Expiration)
	d.identifier("GroupId", r.GroupID)
	d.oneOf("CallRestrict", r.CallRestrict, ControlAXDisable, ControlBXDisable, ControlClearDisable)
	d.number("CallDisplayType", r.CallDisplayType, 1, 1)
	d.ownText("OutId", r.OutID)
	d.optionalFlag("IsRecordingEnabled", r.IsRecordingEnabled)
	d.object(ringConfig, r.RingConfig)
	d.optionalFlag("ASRStatus", r.ASRStatus)
	d.identifier("ASRModelId", r.ASRModelID)
}

// describeOperand checks that what OperateType changes is given.
func (r UpdateSubscriptionRequest) describeOperand(d *description) {
	operands := map[string]struct {
		name  string
		given bool
	}{
		UpdateNoA:                {"PhoneNoA", r.PhoneNoA != ""},
		UpdateNoB:                {"PhoneNoB", r.PhoneNoB != ""},
		UpdateExpire:             {"Expiration", !r.Expiration.IsZero()},
		UpdateAXGGroup:           {"GroupId", r.GroupID != ""},
		UpdateCallRestrict:       {"CallRestrict", r.CallRestrict != ""},
		UpdateCallDisplayType:    {"CallDisplayType", r.CallDisplayType != 0},
		UpdateOutID:              {"OutId", r.OutID != ""},
		UpdateIsRecordingEnabled: {"IsRecordingEnabled", r.IsRecordingEnabled != nil},
		UpdateASR:                {"ASRStatus", r.ASRStatus != nil},
	}
	if operand, known := operands[r.OperateType]; known && !operand.given {
		d.problem(
			operand.name,
			"is required by OperateType "+r.OperateType,
			"set it, or take another OperateType",
		)
	}
	if r.ASRStatus != nil && *r.ASRStatus && r.ASRModelID == "" {
		d.problem("ASRModelId", "is required where ASRStatus is true", "name the model")
	}
}

func decodeUpdate([]byte) (Update, error) { return Update{}, nil }
