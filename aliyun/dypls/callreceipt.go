package dypls

import (
	"fmt"
	"io"
	"log/slog"
	"strconv"
)

// CallReceipt is what the receipts of a call have in common. Which of its fields are set differs by
// type, way and age.
type CallReceipt struct {
	ID         string `json:"id,omitzero"` // of the record; over HTTP alone
	PartnerKey string `json:"partner_key,omitzero"`
	PoolKey    string `json:"pool_key,omitzero"`
	SubsID     string `json:"sub_id,omitzero"` // names the binding
	OutID      string `json:"out_id,omitzero"` // what the bind had as OutId
	CallID     string `json:"call_id,omitzero"`

	PhoneNo         Phone `json:"phone_no,omitzero"`  // A
	SecretNo        Phone `json:"secret_no,omitzero"` // X
	PeerNo          Phone `json:"peer_no,omitzero"`   // B, N, or of the group
	CalledDisplayNo Phone `json:"called_display_no,omitzero"`
	Extension       Phone `json:"extension,omitzero"`

	CallType         *int   `json:"call_type,omitzero"` // one of [CallByA] and so on
	CallTime         Time   `json:"call_time,omitzero"` // the caller dialled
	City             string `json:"city,omitzero"`      // of X
	ControlType      string `json:"control_type,omitzero"`
	ControlMsg       string `json:"control_msg,omitzero"`
	UnconnectedCause *int   `json:"unconnected_cause,omitzero"` // see [CallReceipt.UnconnectedText]
}

// Values of [CallReceipt.CallType].
const (
	CallByA         = 0
	CallToA         = 1
	CallIntercepted = 4
)

func (r *CallReceipt) visitCall(v receiptFields) {
	v.text(&r.ID, "id")
	v.text(&r.PartnerKey, "partner_key")
	v.text(&r.PoolKey, "pool_key")
	v.text(&r.SubsID, "sub_id", "subs_id")
	v.text(&r.OutID, "out_id")
	v.text(&r.CallID, "call_id")
	v.phone(&r.PhoneNo, "phone_no")
	v.phone(&r.SecretNo, "secret_no")
	v.phone(&r.PeerNo, "peer_no")
	v.phone(&r.CalledDisplayNo, "called_display_no")
	v.phone(&r.Extension, "extension")
	v.integer(&r.CallType, "call_type")
	v.instant(&r.CallTime, "call_time")
	v.text(&r.City, "city")
	v.text(&r.ControlType, "control_type")
	v.text(&r.ControlMsg, "control_msg")
	v.integer(&r.UnconnectedCause, "unconnected_cause")
}

func (r *CallReceipt) callKey() string { return callKey(r.CallID, r.ID) }

// callKey prefers the call's id, which comes both ways; the record's own comes over HTTP alone.
func callKey(callID, recordID string) string {
	if callID == "" && recordID != "" {
		return "id:" + recordID
	}
	return callID
}

// SecretStartReport tells that a call was dialled.
type SecretStartReport struct{ CallReceipt }

func (r *SecretStartReport) fields(v receiptFields) { r.visitCall(v) }

func (r *SecretStartReport) key() string { return r.callKey() }

// Format implements [fmt.Formatter]: every verb prints masked.
func (r SecretStartReport) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, r.String()) }

// String returns the fields that are set, masked.
func (r SecretStartReport) String() string { return maskedText(&r) }

// LogValue implements [slog.LogValuer]: numbers, texts and links are masked.
func (r SecretStartReport) LogValue() slog.Value { return maskedFields(&r).LogValue() }

// SecretRingReport tells that the called side rings. Some carriers alone send it, and a call that
// rings several in turn may have several.
type SecretRingReport struct {
	CallReceipt

	RingTime Time `json:"ring_time,omitzero"`
}

func (r *SecretRingReport) fields(v receiptFields) {
	r.visitCall(v)
	v.instant(&r.RingTime, "ring_time")
}

func (r *SecretRingReport) key() string { return withTime(r.callKey(), r.RingTime) }

// Format implements [fmt.Formatter]: every verb prints masked.
func (r SecretRingReport) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, r.String()) }

// String returns the fields that are set, masked.
func (r SecretRingReport) String() string { return maskedText(&r) }

// LogValue implements [slog.LogValuer]: numbers, texts and links are masked.
func (r SecretRingReport) LogValue() slog.Value { return maskedFields(&r).LogValue() }

// SecretPickUpReport tells that the called side answered. Some carriers alone send it.
type SecretPickUpReport struct {
	CallReceipt

	RingTime  Time `json:"ring_time,omitzero"`
	StartTime Time `json:"start_time,omitzero"` // it was answered
}

func (r *SecretPickUpReport) fields(v receiptFields) {
	r.visitCall(v)
	v.instant(&r.RingTime, "ring_time")
	v.instant(&r.StartTime, "start_time")
}

func (r *SecretPickUpReport) key() string { return withTime(r.callKey(), r.RingTime) }

// Format implements [fmt.Formatter]: every verb prints masked.
func (r SecretPickUpReport) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, r.String()) }

// String returns the fields that are set, masked.
func (r SecretPickUpReport) String() string { return maskedText(&r) }

// LogValue implements [slog.LogValuer]: numbers, texts and links are masked.
func (r SecretPickUpReport) LogValue() slog.Value { return maskedFields(&r).LogValue() }

func withTime(key string, at Time) string {
	if key == "" || at.IsZero() {
		return key
	}
	return key + ":" + strconv.FormatInt(at.Unix(), 10)
}
