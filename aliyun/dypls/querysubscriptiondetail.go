package dypls

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
)

// QuerySubscriptionDetail returns a binding by its SubsId and X, which must belong together.
// Published quota: 1,000 calls a second and account.
var QuerySubscriptionDetail = Operation[QuerySubscriptionDetailRequest, SubscriptionDetail]{
	Action: "QuerySubscriptionDetail", Repeatable: true, decode: decodeSubscriptionDetail,
}

// QuerySubscriptionDetailRequest holds the parameters of QuerySubscriptionDetail.
type QuerySubscriptionDetailRequest struct {
	PoolKey string `json:"PoolKey,omitzero"`
	// in place of PoolKey, customers of the first years only
	ProductType string `json:"ProductType,omitzero"`
	SubsID      string `json:"SubsId"`
	PhoneNoX    Phone  `json:"PhoneNoX"`
}

// Values of [SubscriptionDetail.Status].
const (
	SubscriptionExpired = 0
	SubscriptionActive  = 1
)

// SubscriptionDetail is a binding as the API knows it: the API's SecretBindDetailDTO. It does not
// tell the OutId.
type SubscriptionDetail struct {
	SubsID       string `json:"SubsId"`
	PhoneNoA     Phone  `json:"PhoneNoA"`
	PhoneNoB     Phone  `json:"PhoneNoB"`
	PhoneNoX     Phone  `json:"PhoneNoX"`
	Status       int64  `json:"Status"`
	ExpireDate   Time   `json:"ExpireDate"`
	GmtCreate    Time   `json:"GmtCreate"`
	NeedRecord   bool   `json:"NeedRecord"`
	ASRStatus    bool   `json:"ASRStatus"`
	ASRModelID   string `json:"ASRModelId"`
	CallRestrict string `json:"CallRestrict"`
	Extension    Phone  `json:"Extension"`
	GroupID      int64  `json:"GroupId"`
}

// LogValue implements [slog.LogValuer]: numbers and links are masked.
func (d SubscriptionDetail) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", d)) }

// Validate implements [Request].
func (r QuerySubscriptionDetailRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r QuerySubscriptionDetailRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r QuerySubscriptionDetailRequest) describe(d *description) {
	d.pool(r.PoolKey, r.ProductType)
	d.requiredIdentifier("SubsId", r.SubsID)
	d.required("PhoneNoX", string(r.PhoneNoX))
	d.dialable("PhoneNoX", r.PhoneNoX)
}

func decodeSubscriptionDetail(body []byte) (SubscriptionDetail, error) {
	var answer struct {
		SecretBindDetailDTO struct {
			SubscriptionDetail
			SubsID loose `json:"SubsId"` // these hide embedded fields: a number in some answers,
			// and one that is left out must not look like a binding that is over
			Status *int64 `json:"Status"`
		} `json:"SecretBindDetailDTO"`
	}
	err := json.Unmarshal(body, &answer)
	if err != nil || answer.SecretBindDetailDTO.SubsID == "" ||
		answer.SecretBindDetailDTO.Status == nil {
		return SubscriptionDetail{}, errIncomplete
	}
	detail := answer.SecretBindDetailDTO.SubscriptionDetail
	detail.SubsID = string(answer.SecretBindDetailDTO.SubsID)
	detail.Status = *answer.SecretBindDetailDTO.Status
	// The API's own sample ends in a blank.
	detail.CallRestrict = strings.TrimSpace(detail.CallRestrict)
	return detail, nil
}
