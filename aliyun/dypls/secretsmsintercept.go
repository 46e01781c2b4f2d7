package dypls

import (
	"fmt"
	"io"
	"log/slog"
)

// SecretSmsIntercept tells of a text message that was held up or looked into.
type SecretSmsIntercept struct {
	ID               string       `json:"id,omitzero"`
	PartnerKey       string       `json:"partner_key,omitzero"`
	PoolKey          string       `json:"pool_key,omitzero"`
	SubsID           string       `json:"sub_id,omitzero"`
	OutID            string       `json:"out_id,omitzero"`
	CallID           string       `json:"call_id,omitzero"`
	SendNo           Phone        `json:"send_no,omitzero"`
	SecretNo         Phone        `json:"secret_no,omitzero"`
	ReceiveNo        Phone        `json:"receive_no,omitzero"`
	SMSType          *int         `json:"sms_type,omitzero"`
	SMSContent       PersonalText `json:"sms_content,omitzero"`
	SMSSign          PersonalText `json:"sms_sign,omitzero"`
	Status           *int         `json:"status,omitzero"`
	SMSInterceptType string       `json:"sms_intercept_type,omitzero"` // such as SUBS_NOT_EXISTS
	Code             string       `json:"code,omitzero"`               // such as DELIVRD
	StartTime        Time         `json:"start_time,omitzero"`
}

func (r *SecretSmsIntercept) fields(v receiptFields) {
	v.text(&r.ID, "id")
	v.text(&r.PartnerKey, "partner_key")
	v.text(&r.PoolKey, "pool_key")
	v.text(&r.SubsID, "sub_id", "subs_id")
	v.text(&r.OutID, "out_id")
	v.text(&r.CallID, "call_id")
	v.phone(&r.SendNo, "send_no")
	v.phone(&r.SecretNo, "secret_no")
	v.phone(&r.ReceiveNo, "receive_no")
	v.integer(&r.SMSType, "sms_type")
	v.personal(&r.SMSContent, "sms_content")
	v.personal(&r.SMSSign, "sms_sign")
	v.integer(&r.Status, "status")
	v.text(&r.SMSInterceptType, "sms_intercept_type")
	v.text(&r.Code, "code")
	v.instant(&r.StartTime, "start_time")
}

func (r *SecretSmsIntercept) key() string { return callKey(r.CallID, r.ID) }

// Format implements [fmt.Formatter]: every verb prints masked.
func (r SecretSmsIntercept) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, r.String()) }

// String returns the fields that are set, masked.
func (r SecretSmsIntercept) String() string { return maskedText(&r) }

// LogValue implements [slog.LogValuer]: numbers, texts and links are masked.
func (r SecretSmsIntercept) LogValue() slog.Value { return maskedFields(&r).LogValue() }
