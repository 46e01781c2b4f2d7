package dypls

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// GetSecretASRDetail returns the transcript of a call whose binding had ASRStatus on. It is there
// some ten to twenty minutes after the call; until then it fails as [NotReady]. Published quota:
// 100 calls a second and account. (Help page of GetSecretAsrDetail, 获取ASR识别结果详情.)
var GetSecretASRDetail = Operation[GetSecretASRDetailRequest, Transcript]{
	Action: "GetSecretAsrDetail", Repeatable: true, decode: decodeTranscript, maxAnswer: maxAnswer,
}

// GetSecretASRDetailRequest holds the parameters of GetSecretAsrDetail. CallId and CallTime come
// from the receipts.
type GetSecretASRDetailRequest struct {
	PoolKey  string `json:"PoolKey"`
	CallID   string `json:"CallId"`
	CallTime Time   `json:"CallTime"` // a receipt's epoch milliseconds: At(time.UnixMilli(ms))
}

// Transcript is what was spoken in a call, as far as it was understood. It is personal data: what
// was said is hidden wherever it is printed.
type Transcript struct {
	RequestID   string     `json:"RequestId,omitzero"` // of the recognition
	BusinessID  string     `json:"BusinessId,omitzero"`
	BusinessKey string     `json:"BusinessKey,omitzero"`
	Type        string     `json:"Type,omitzero"`        // asrResult
	Code        string     `json:"Code,omitzero"`        // of the recognition: see [Transcript.OK]
	Msg         string     `json:"Msg,omitzero"`         // its words
	BizDuration *int       `json:"BizDuration,omitzero"` // of the recording, in milliseconds
	Sentences   []Sentence `json:"Sentences,omitzero"`
}

// OK reports whether the call could be transcribed.
func (t Transcript) OK() bool { return t.Code == transcribed }

// Duration is how long the recording lasts.
func (t Transcript) Duration() time.Duration { return milliseconds(t.BizDuration) }

// Format implements [fmt.Formatter]: every verb prints masked.
func (t Transcript) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, t.String()) }

// String returns the fields that are set, masked. Of the sentences it tells how many there are.
func (t Transcript) String() string { return maskedText(&t) }

// LogValue implements [slog.LogValuer]: what was said is hidden.
func (t Transcript) LogValue() slog.Value { return maskedFields(&t).LogValue() }

func (t *Transcript) fields(v receiptFields) {
	v.text(&t.RequestID, "RequestId")
	v.text(&t.BusinessID, "BusinessId")
	v.text(&t.BusinessKey, "BusinessKey")
	v.text(&t.Type, "Type")
	v.text(&t.Code, "Code")
	v.text(&t.Msg, "Msg")
	v.integer(&t.BizDuration, "BizDuration")
	v.sentences(&t.Sentences, "Sentences")
}

// Validate implements [Request].
func (r GetSecretASRDetailRequest) Validate() error { return validate(r) }

// LogValue implements [slog.LogValuer]: numbers are masked.
func (r GetSecretASRDetailRequest) LogValue() slog.Value { return ParametersOf(r).LogValue() }

func (r GetSecretASRDetailRequest) describe(d *description) {
	d.requiredIdentifier("PoolKey", r.PoolKey)
	d.call(r.CallID, r.CallTime)
}

// decodeTranscript reads Data, an object or the text of one, as leniently as a receipt: the same
// fields are numbers here and texts there. What the API says before a transcript is ready is not
// documented; an OK without a code of the recognition is taken for it.
func decodeTranscript(body []byte) (Transcript, error) {
	var answer struct {
		Data json.RawMessage `json:"Data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return Transcript{}, errIncomplete
	}
	var text string
	if json.Unmarshal(answer.Data, &text) == nil {
		answer.Data = json.RawMessage(text)
	}
	if isBlank(answer.Data) || string(answer.Data) == "{}" {
		return Transcript{}, errNotReady
	}
	if kindOf(answer.Data) != anObject || !json.Valid(answer.Data) {
		return Transcript{}, errIncomplete
	}
	var transcript Transcript
	transcript.fields(newReceiptReader(answer.Data))
	if transcript.Code == "" {
		return Transcript{}, errNotReady
	}
	return transcript, nil
}
