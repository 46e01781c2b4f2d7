package dypls

import (
	"encoding/json"
	"log/slog"
	"strings"
)

// QuerySubsID lists the bindings that are on an X. Published quota: 1,000 calls a second and
// account.
var QuerySubsID = Operation[QuerySubsIDRequest, SubsIDs]{
	Action:     "QuerySubsId",
	Repeatable: true,
	decode:     decodeSubsIDs,
}

// QuerySubsIDRequest holds the parameters of QuerySubsId.
type QuerySubsIDRequest struct {
	PoolKey  string `json:"PoolKey"`
	PhoneNoX Phone  `json:"PhoneNoX"`
}

// SubsIDs are the bindings on an X, as the API lists them.
type SubsIDs struct {
	SubsID string `json:"SubsId"` // separated by commas, "" for none
}

// List returns them one by one.
func (s SubsIDs) List() []string {
	return strings.FieldsFunc(s.SubsID, func(r rune) bool { return r == ',' || r == ' ' })
}

// Validate implements [Request].
func (r QuerySubsIDRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r QuerySubsIDRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r QuerySubsIDRequest) describe(d *description) {
	d.requiredIdentifier("PoolKey", r.PoolKey)
	d.required("PhoneNoX", string(r.PhoneNoX))
	d.dialable("PhoneNoX", r.PhoneNoX)
}

func decodeSubsIDs(body []byte) (SubsIDs, error) {
	var answer struct {
		SubsID *loose `json:"SubsId"` // "" for none; without it the answer says nothing
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.SubsID == nil {
		return SubsIDs{}, errIncomplete
	}
	return SubsIDs{SubsID: string(*answer.SubsID)}, nil
}
