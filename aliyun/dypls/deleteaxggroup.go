package dypls

import "log/slog"

// DeleteAXGGroup deletes a group with all its numbers, for ever. One that a binding still names is
// not deleted: unbind first. Published quota: 5,000 calls a second and account. (Help page of
// DeleteAxgGroup, 删除G号码组.)
var DeleteAXGGroup = Operation[DeleteAXGGroupRequest, Done]{
	Action: "DeleteAxgGroup", Mutates: true, Repeatable: true, Removes: true, decode: decodeDone,
}

// DeleteAXGGroupRequest holds the parameters of DeleteAxgGroup.
type DeleteAXGGroupRequest struct {
	PoolKey string `json:"PoolKey"`
	GroupID string `json:"GroupId"`
}

// Validate implements [Request].
func (r DeleteAXGGroupRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r DeleteAXGGroupRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r DeleteAXGGroupRequest) describe(d *description) {
	d.requiredIdentifier("PoolKey", r.PoolKey)
	d.requiredGroupID("GroupId", r.GroupID)
}
