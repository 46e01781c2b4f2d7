package dypls

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// GetTotalPublicURL returns links to the recordings of a call and of its ringing, which work for 30
// days, where those of [QueryRecordFileDownloadURL] work for two hours. They are there some minutes
// after the call; until then it fails as [NotReady]. Published quota: 1,000 calls a second and
// account. (Help page of GetTotalPublicUrl, 获取响铃放音的录音下载链接.)
var GetTotalPublicURL = Operation[GetTotalPublicURLRequest, PublicURLs]{
	Action: "GetTotalPublicUrl", Repeatable: true, decode: decodePublicURLs,
}

// GetTotalPublicURLRequest holds the parameters of GetTotalPublicUrl. CallId and CallTime come from
// the receipts.
type GetTotalPublicURLRequest struct {
	PartnerKey string `json:"PartnerKey"` // the pool's key, which is PoolKey elsewhere
	CallID     string `json:"CallId"`
	CallTime   Time   `json:"CallTime"` // a receipt's epoch milliseconds: At(time.UnixMilli(ms))
	// CheckSubs has the API check the binding. By what rule, its page does not say.
	CheckSubs bool `json:"CheckSubs"`
}

// PublicURLs are links that work for 30 days: see [SignedURL.ExpiresAt]. One of them may be "".
type PublicURLs struct {
	PhonePublicURL SignedURL `json:"PhonePublicUrl,omitzero"` // what was spoken
	RingPublicURL  SignedURL `json:"RingPublicUrl,omitzero"`  // what was heard while it rang
}

// LogValue implements [slog.LogValuer]: links are masked.
func (u PublicURLs) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", u)) }

// Validate implements [Request].
func (r GetTotalPublicURLRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r GetTotalPublicURLRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r GetTotalPublicURLRequest) describe(d *description) {
	d.requiredIdentifier("PartnerKey", r.PartnerKey)
	d.call(r.CallID, r.CallTime)
	d.optionalFlag("CheckSubs", &r.CheckSubs) // the gateway wants it, false or true
}

// decodePublicURLs takes an OK without any link for one that is not there yet, as [decodeRecording]
// does.
func decodePublicURLs(body []byte) (PublicURLs, error) {
	var answer struct {
		Data PublicURLs `json:"Data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return PublicURLs{}, errIncomplete
	}
	if answer.Data == (PublicURLs{}) {
		return PublicURLs{}, errNotReady
	}
	return answer.Data, nil
}
