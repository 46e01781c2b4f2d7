package dypls

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// QueryRecordFileDownloadURL returns a link to a call's recording. The link works for two hours;
// the recording is kept for 30 days (14 by the document of 2018). A recording is there 15-20
// minutes after the call, or when the SecretRecording receipt arrives; until then the call fails as
// [NotReady]. Published quota: 3,000 calls a second and account.
var QueryRecordFileDownloadURL = Operation[QueryRecordFileDownloadURLRequest, Recording]{
	Action: "QueryRecordFileDownloadUrl", Repeatable: true, decode: decodeRecording,
}

// QueryRecordFileDownloadURLRequest holds the parameters of QueryRecordFileDownloadUrl. CallId and
// CallTime come from the receipts.
type QueryRecordFileDownloadURLRequest struct {
	PoolKey string `json:"PoolKey,omitzero"`
	// in place of PoolKey, customers of the first years only
	ProductType string `json:"ProductType,omitzero"`
	CallID      string `json:"CallId"`
	CallTime    Time   `json:"CallTime"` // a receipt's epoch milliseconds: At(time.UnixMilli(ms))
}

// Recording is a link to a recording, good until ExpiresAt.
type Recording struct {
	DownloadURL SignedURL `json:"DownloadUrl"`
	// ExpiresAt is when the link stops working, in UTC, read from the link. It is the zero time where
	// the link does not say.
	ExpiresAt time.Time `json:"ExpiresAt,omitzero"`
}

// Masked returns the recording as people may see it.
func (r Recording) Masked() Recording {
	r.DownloadURL = SignedURL(r.DownloadURL.Masked())
	return r
}

// LogValue implements [slog.LogValuer]: numbers and links are masked.
func (r Recording) LogValue() slog.Value { return slog.StringValue(fmt.Sprintf("%+v", r)) }

// Validate implements [Request].
func (r QueryRecordFileDownloadURLRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r QueryRecordFileDownloadURLRequest) LogValue() slog.Value {
	return ParametersOf(r).LogValue()
}

func (r QueryRecordFileDownloadURLRequest) describe(d *description) {
	d.pool(r.PoolKey, r.ProductType)
	d.call(r.CallID, r.CallTime)
}

// call is a call that has happened, as its receipts name it.
func (d *description) call(id string, at Time) {
	d.required("CallId", id)
	d.limited("CallId", id, 100)
	d.required("CallTime", at.String())
	d.past("CallTime", at)
}

// decodeRecording reads the answer. What the API says before a recording is ready is not
// documented; an OK without a link is taken for it.
func decodeRecording(body []byte) (Recording, error) {
	var answer struct {
		DownloadURL SignedURL `json:"DownloadUrl"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return Recording{}, errIncomplete
	}
	if answer.DownloadURL == "" {
		return Recording{}, errNotReady
	}
	return Recording{DownloadURL: answer.DownloadURL, ExpiresAt: answer.DownloadURL.ExpiresAt()}, nil
}
