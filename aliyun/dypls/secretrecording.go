package dypls

import (
	"fmt"
	"io"
	"log/slog"
)

// SecretRecording tells that the recording of a call is there. [QueryRecordFileDownloadURL] takes
// its CallID, CallTime and PoolKey.
type SecretRecording struct {
	PartnerKey string `json:"partner_key,omitzero"`
	PoolKey    string `json:"pool_key,omitzero"`
	SubsID     string `json:"sub_id,omitzero"`
	OutID      string `json:"out_id,omitzero"`
	CallID     string `json:"call_id,omitzero"`
	CallTime   Time   `json:"call_time,omitzero"`
}

func (r *SecretRecording) fields(v receiptFields) {
	v.text(&r.PartnerKey, "partner_key")
	v.text(&r.PoolKey, "pool_key")
	v.text(&r.SubsID, "sub_id", "subs_id")
	v.text(&r.OutID, "out_id")
	v.text(&r.CallID, "call_id")
	v.instant(&r.CallTime, "call_time")
}

func (r *SecretRecording) key() string { return r.CallID }

// Format implements [fmt.Formatter]: every verb prints masked.
func (r SecretRecording) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, r.String()) }

// String returns the fields that are set, masked.
func (r SecretRecording) String() string { return maskedText(&r) }

// LogValue implements [slog.LogValuer]: numbers, texts and links are masked.
func (r SecretRecording) LogValue() slog.Value { return maskedFields(&r).LogValue() }
