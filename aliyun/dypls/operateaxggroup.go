package dypls

import "log/slog"

// OperateAXGGroup adds numbers to a group, removes some, or puts others in their place. To set them
// again by [OverwriteNumbers] is harmless; whether a number may be added twice is not documented.
// Published quota: 5,000 calls a second and account. (Help page of OperateAxgGroup, 修改G号码组.)
var OperateAXGGroup = Operation[OperateAXGGroupRequest, Done]{
	Action: "OperateAxgGroup", Mutates: true, decode: decodeDone,
}

// Values of [OperateAXGGroupRequest.OperateType].
const (
	AddNumbers       = "addNumbers"
	DeleteNumbers    = "deleteNumbers"
	OverwriteNumbers = "overwriteNumbers" // of a group that has 200 at most
)

// OperateAXGGroupRequest holds the parameters of OperateAxgGroup.
type OperateAXGGroupRequest struct {
	PoolKey     string  `json:"PoolKey"`
	GroupID     string  `json:"GroupId"`
	OperateType string  `json:"OperateType"`
	Numbers     []Phone `json:"Numbers"` // 1 to 200
}

// Validate implements [Request].
func (r OperateAXGGroupRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r OperateAXGGroupRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r OperateAXGGroupRequest) describe(d *description) {
	d.requiredIdentifier("PoolKey", r.PoolKey)
	d.requiredGroupID("GroupId", r.GroupID)
	d.required("OperateType", r.OperateType)
	d.oneOf("OperateType", r.OperateType, AddNumbers, DeleteNumbers, OverwriteNumbers)
	if len(r.Numbers) == 0 {
		d.required("Numbers", "")
	}
	d.dialableList("Numbers", r.Numbers)
}
