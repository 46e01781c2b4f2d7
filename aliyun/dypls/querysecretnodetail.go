package dypls

import (
	"encoding/json"
	"log/slog"
)

// QuerySecretNoDetail returns what X is, and whether it is free, bound or locked. Published quota:
// 1,000 calls a second and account. (Help page of QuerySecretNoDetail, 查询隐私号码属性.)
var QuerySecretNoDetail = Operation[QuerySecretNoDetailRequest, SecretNoDetail]{
	Action: "QuerySecretNoDetail", Repeatable: true, decode: decodeSecretNoDetail,
}

// QuerySecretNoDetailRequest holds the parameters of QuerySecretNoDetail.
type QuerySecretNoDetailRequest struct {
	PoolKey  string `json:"PoolKey"`
	SecretNo Phone  `json:"SecretNo"` // X
}

// Values of [SecretNoDetail.SecretStatus].
const (
	SecretNoFree   = 0 // nothing is bound to it
	SecretNoBound  = 1
	SecretNoLocked = 2 // by [LockSecretNo]
	SecretNoFrozen = 3
)

// Values of [SecretNoDetail.CertifyStatus].
const (
	SecretNoUncertified = 0
	SecretNoCertified   = 1
)

// Values of [SecretNoDetail.Vendor].
const (
	VendorMobile  = 1 // China Mobile
	VendorUnicom  = 2 // China Unicom
	VendorTelecom = 3 // China Telecom
)

// SecretNoDetail is what the API knows of an X: its SecretNoInfoDTO.
type SecretNoDetail struct {
	SecretStatus  int64  `json:"SecretStatus"`
	CertifyStatus int64  `json:"CertifyStatus"`
	Vendor        int64  `json:"Vendor"`       // the carrier; 0 where the answer does not tell it
	Province      string `json:"Province"`     // in Chinese, with or without 省
	City          string `json:"City"`         // in Chinese, without 市
	PurchaseTime  Time   `json:"PurchaseTime"` // when it was bought
}

// Validate implements [Request].
func (r QuerySecretNoDetailRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r QuerySecretNoDetailRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r QuerySecretNoDetailRequest) describe(d *description) { d.secretNo(r.PoolKey, r.SecretNo) }

// decodeSecretNoDetail reads the answer. A state that is left out must not look like a free number.
func decodeSecretNoDetail(body []byte) (SecretNoDetail, error) {
	var answer struct {
		SecretNoInfoDTO struct {
			SecretNoDetail
			SecretStatus *int64 `json:"SecretStatus"` // hides the embedded one
		} `json:"SecretNoInfoDTO"`
	}
	err := json.Unmarshal(body, &answer)
	if err != nil || answer.SecretNoInfoDTO.SecretStatus == nil {
		return SecretNoDetail{}, errIncomplete
	}
	detail := answer.SecretNoInfoDTO.SecretNoDetail
	detail.SecretStatus = *answer.SecretNoInfoDTO.SecretStatus
	return detail, nil
}
