package dypls

import (
	"encoding/json"
	"log/slog"
)

// CreateAXGGroup makes a group (G) of numbers, which may call X of a [BindAXG]. A pool has at most
// 2,000 of them. It makes another group each time that it is called, so one whose answer is lost
// may have left a group that nobody knows. Published quota: 5,000 calls a second and account. (Help
// page of CreateAxgGroup, 创建G号码组.)
var CreateAXGGroup = Operation[CreateAXGGroupRequest, AXGGroup]{
	Action: "CreateAxgGroup", Mutates: true, decode: decodeAXGGroup,
}

// CreateAXGGroupRequest holds the parameters of CreateAxgGroup.
type CreateAXGGroupRequest struct {
	PoolKey string `json:"PoolKey"`
	// Name has at most 128 characters; the page of 2025 says 16. Without it the group's id is its
	// name.
	Name string `json:"Name,omitzero"`
	// Numbers are the first of the group, 200 at most. A bind needs one at least.
	Numbers []Phone `json:"Numbers,omitzero"`
	// Remark has at most 256 characters; the page of 2025 says 50.
	Remark string `json:"Remark,omitzero"`
}

// AXGGroup is the group that was made.
type AXGGroup struct {
	GroupID string `json:"GroupId"` // digits, kept as text: what a bind names
}

// Validate implements [Request].
func (r CreateAXGGroupRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r CreateAXGGroupRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r CreateAXGGroupRequest) describe(d *description) {
	const mostName, mostRemark = 128, 256
	d.requiredIdentifier("PoolKey", r.PoolKey)
	d.limitedText("Name", r.Name, mostName)
	d.dialableList("Numbers", r.Numbers)
	d.limitedText("Remark", r.Remark, mostRemark)
}

// decodeAXGGroup reads the answer. OK without an id is no answer at all.
func decodeAXGGroup(body []byte) (AXGGroup, error) {
	var answer struct {
		GroupID loose `json:"GroupId"`
	}
	err := json.Unmarshal(body, &answer)
	if err != nil || groupNumber(string(answer.GroupID)) == 0 {
		return AXGGroup{}, errIncomplete
	}
	return AXGGroup{GroupID: string(answer.GroupID)}, nil
}
