package dypls

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// SecretReport tells how a call ended, or that a text message was passed on.
type SecretReport struct {
	CallReceipt

	CallOutTime  Time `json:"call_out_time,omitzero"`  // the called side was dialled
	RingTime     Time `json:"ring_time,omitzero"`      // or CallOutTime where nobody told
	FreeRingTime Time `json:"free_ring_time,omitzero"` // after CallOutTime: it really rang
	StartTime    Time `json:"start_time,omitzero"`     // ReleaseTime where it was not answered
	ReleaseTime  Time `json:"release_time,omitzero"`
	ReleaseDir   *int `json:"release_dir,omitzero"`   // see [SecretReport.HungUpBy]
	ReleaseCause *int `json:"release_cause,omitzero"` // see [SecretReport.ReleaseText]
	SMSNumber    *int `json:"sms_number,omitzero"`
	// RecordURL and RingRecordURL let whoever has them hear the call, or the tones before it, for 7 to
	// 30 days. The file may take 15 to 20 minutes to be there.
	RecordURL     SignedURL `json:"record_url,omitzero"`
	RingRecordURL SignedURL `json:"ring_record_url,omitzero"`
}

func (r *SecretReport) fields(v receiptFields) {
	r.visitCall(v)
	v.instant(&r.CallOutTime, "call_out_time")
	v.instant(&r.RingTime, "ring_time")
	v.instant(&r.FreeRingTime, "free_ring_time")
	v.instant(&r.StartTime, "start_time")
	v.instant(&r.ReleaseTime, "release_time")
	v.integer(&r.ReleaseDir, "release_dir")
	v.integer(&r.ReleaseCause, "release_cause")
	v.integer(&r.SMSNumber, "sms_number")
	v.link(&r.RecordURL, "record_url")
	v.link(&r.RingRecordURL, "ring_record_url")
}

// Duration is how long the two talked, which is what is billed; 0 where nobody answered.
func (r SecretReport) Duration() time.Duration {
	if r.StartTime.IsZero() || r.ReleaseTime.IsZero() {
		return 0
	}
	return max(r.ReleaseTime.Sub(r.StartTime.Time), 0)
}

// Answered reports whether the two talked.
func (r SecretReport) Answered() bool { return r.Duration() > 0 }

// Rang reports whether the called side's telephone is known to have rung.
func (r SecretReport) Rang() bool {
	return !r.FreeRingTime.IsZero() && r.FreeRingTime.After(r.CallOutTime.Time)
}

// Side is who ended a call.
type Side string

// The sides.
const (
	SidePlatform Side = "platform"
	SideCaller   Side = "caller"
	SideCalled   Side = "called"
)

// HungUpBy returns who ended the call; "" where the receipt does not say.
func (r SecretReport) HungUpBy() Side {
	if r.ReleaseDir == nil {
		return ""
	}
	switch *r.ReleaseDir {
	case 0:
		return SidePlatform
	case 1:
		return SideCaller
	case 2:
		return SideCalled
	}
	return ""
}

func (r *SecretReport) key() string { return r.callKey() }

// Format implements [fmt.Formatter]: every verb prints masked.
func (r SecretReport) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, r.String()) }

// String returns the fields that are set, masked.
func (r SecretReport) String() string { return maskedText(&r) }

// LogValue implements [slog.LogValuer]: numbers, texts and links are masked.
func (r SecretReport) LogValue() slog.Value { return maskedFields(&r).LogValue() }
