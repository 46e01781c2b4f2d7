package dypls

import (
	"encoding/json"
	"log/slog"
	"unicode/utf8"
)

// QuerySecretNoRemain counts the numbers that the platform has left to sell, which are not those
// that are free in a pool. No quota is published. (Official SDK, QuerySecretNoRemain; the API's
// directory of 2025 does not name the action any more.)
var QuerySecretNoRemain = Operation[QuerySecretNoRemainRequest, SecretNoRemain]{
	Action: "QuerySecretNoRemain", Repeatable: true, decode: decodeSecretNoRemain,
}

// Values of [QuerySecretNoRemainRequest.SpecID].
const (
	SpecVirtual = 1 // numbers of virtual operators, 170 and 171
	SpecCarrier = 2 // numbers of carriers
	Spec95      = 3 // numbers that begin with 95
)

// Values of [QuerySecretNoRemainRequest.City] beside the name of a city.
const (
	CityNational     = "全国"   // all of the Chinese mainland, counted together
	CityNationalList = "全国列表" // each city that has some left, in [SecretNoRemain.Cities]
	CityAnywhere     = "全国通用" // of numbers that begin with 95, which belong to no city
)

// QuerySecretNoRemainRequest holds the parameters of QuerySecretNoRemain.
type QuerySecretNoRemainRequest struct {
	SpecID int    `json:"SpecId"`
	City   string `json:"City"` // in Chinese without 市, or one of the constants
	// SecretNo counts only numbers that begin with it: at most 18 digits.
	SecretNo Phone `json:"SecretNo,omitzero"`
}

// SecretNoRemain is what is left to sell: the API's SecretRemainDTO.
type SecretNoRemain struct {
	Amount int64  `json:"Amount"` // 0 where Cities tells it
	City   string `json:"City,omitzero"`
	// Cities are the cities that have some left, where [CityNationalList] was asked for.
	Cities []CityRemain `json:"RemainDTOList,omitzero"`
}

// CityRemain is what is left to sell in one city.
type CityRemain struct {
	City   string `json:"City"`
	Amount int64  `json:"Amount"`
}

// Validate implements [Request].
func (r QuerySecretNoRemainRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r QuerySecretNoRemainRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r QuerySecretNoRemainRequest) describe(d *description) {
	if r.SpecID == 0 {
		d.required("SpecId", "")
	}
	d.number("SpecId", r.SpecID, SpecVirtual, Spec95)
	d.required("City", r.City)
	d.city("City", r.City)
	if r.SpecID == Spec95 && r.City != "" && r.City != CityAnywhere {
		d.problem("City", "must be "+CityAnywhere+" where SpecId is 3", "numbers of 95 have no city")
	}
	const mostDigits = 18
	prefix := func(s string) bool { return isDigits(s) && utf8.RuneCountInString(s) <= mostDigits }
	if r.SecretNo != "" && !prefix(string(r.SecretNo)) {
		d.problem("SecretNo", "must be 1-18 digits", remedyOf(r.SecretNo, prefix))
	}
	d.add(Parameter{Name: "SecretNo", Value: string(r.SecretNo), Personal: true})
}

// decodeSecretNoRemain reads the answer: an amount, or a list of them. The list's own name begins
// with a small letter.
func decodeSecretNoRemain(body []byte) (SecretNoRemain, error) {
	var answer struct {
		SecretRemainDTO struct {
			Amount        *int64 `json:"Amount"`
			City          string `json:"City"`
			RemainDTOList struct {
				RemainDTO []CityRemain `json:"remainDTO"`
			} `json:"RemainDTOList"`
		} `json:"SecretRemainDTO"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return SecretNoRemain{}, errIncomplete
	}
	dto := answer.SecretRemainDTO
	remain := SecretNoRemain{City: dto.City, Cities: dto.RemainDTOList.RemainDTO}
	if dto.Amount != nil {
		remain.Amount = *dto.Amount
	} else if remain.Cities == nil {
		return SecretNoRemain{}, errIncomplete
	}
	return remain, nil
}
