package dypls

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// SecretAsrReport is the transcript of a call.
type SecretAsrReport struct {
	CallID      string     `json:"callId,omitzero"`
	PartnerKey  string     `json:"partnerKey,omitzero"`
	SecretNo    Phone      `json:"secretNo,omitzero"`
	StatusCode  string     `json:"statusCode,omitzero"`  // see [SecretAsrReport.OK]
	BizDuration *int       `json:"bizDuration,omitzero"` // milliseconds
	Sentences   []Sentence `json:"sentences,omitzero"`
}

// Sentence is one of a transcript: of a [SecretAsrReport], or of a [Transcript].
type Sentence struct {
	BeginTime       *int         `json:"beginTime,omitzero"` // milliseconds from the beginning
	EndTime         *int         `json:"endTime,omitzero"`
	ChannelID       *int         `json:"channelId,omitzero"` // 0 and 1 are the two sides
	Text            PersonalText `json:"text,omitzero"`
	SilenceDuration string       `json:"silenceDuration,omitzero"` // seconds since the one before
	SpeechRate      string       `json:"speechRate,omitzero"`      // words a minute
	EmotionValue    string       `json:"emotionValue,omitzero"`    // 1 to 10, the strongest
}

// transcribed is the code of a call that could be transcribed.
const transcribed = "21050000"

func (r *SecretAsrReport) fields(v receiptFields) {
	v.text(&r.CallID, "callId")
	v.text(&r.PartnerKey, "partnerKey")
	v.phone(&r.SecretNo, "secretNo")
	v.text(&r.StatusCode, "statusCode")
	v.integer(&r.BizDuration, "bizDuration")
	v.sentences(&r.Sentences, "sentences")
}

func (r *Sentence) fields(v receiptFields) {
	v.integer(&r.BeginTime, "beginTime")
	v.integer(&r.EndTime, "endTime")
	v.integer(&r.ChannelID, "channelId")
	v.personal(&r.Text, "text")
	v.text(&r.SilenceDuration, "silenceDuration")
	v.text(&r.SpeechRate, "speechRate")
	v.text(&r.EmotionValue, "emotionValue")
}

// OK reports whether the call could be transcribed.
func (r SecretAsrReport) OK() bool { return r.StatusCode == transcribed }

// Duration is how long the speech lasts.
func (r SecretAsrReport) Duration() time.Duration { return milliseconds(r.BizDuration) }

func milliseconds(n *int) time.Duration {
	if n == nil {
		return 0
	}
	return time.Duration(*n) * time.Millisecond
}

func (r *SecretAsrReport) key() string { return r.CallID }

// Format implements [fmt.Formatter]: every verb prints masked.
func (r SecretAsrReport) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, r.String()) }

// String returns the fields that are set, masked.
func (r SecretAsrReport) String() string { return maskedText(&r) }

// LogValue implements [slog.LogValuer]: numbers, texts and links are masked.
func (r SecretAsrReport) LogValue() slog.Value { return maskedFields(&r).LogValue() }

// Format implements [fmt.Formatter]: every verb prints masked.
func (r Sentence) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, r.String()) }

// String returns the fields that are set, masked.
func (r Sentence) String() string { return maskedText(&r) }

// LogValue implements [slog.LogValuer]: the text is hidden.
func (r Sentence) LogValue() slog.Value { return maskedFields(&r).LogValue() }
