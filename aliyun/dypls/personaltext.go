package dypls

import (
	"fmt"
	"io"
	"log/slog"
)

// PersonalText is what somebody said or wrote: a transcript, the text of a message.
//
// Every formatting verb, and log/slog, hides all of it; JSON, and a conversion to string, give it
// whole.
type PersonalText string

// Masked returns *** in place of any text.
func (t PersonalText) Masked() string {
	if t == "" {
		return ""
	}
	return "***"
}

// Format implements [fmt.Formatter]: every verb hides the text.
func (t PersonalText) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, t.Masked()) }

// String hides the text.
func (t PersonalText) String() string { return t.Masked() }

// LogValue implements [slog.LogValuer].
func (t PersonalText) LogValue() slog.Value { return slog.StringValue(t.Masked()) }

// RawReceipt is the JSON of a receipt as it came: numbers, texts and links whole.
//
// Every formatting verb, and log/slog, hides all of it but its length; JSON, and a conversion to
// []byte, give it whole.
type RawReceipt []byte

// Format implements [fmt.Formatter]: every verb hides the JSON.
func (r RawReceipt) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, r.String()) }

// String tells how long the JSON is.
func (r RawReceipt) String() string { return fmt.Sprintf("JSON of %d bytes", len(r)) }

// LogValue implements [slog.LogValuer].
func (r RawReceipt) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalJSON gives the JSON as it is.
func (r RawReceipt) MarshalJSON() ([]byte, error) {
	if r == nil {
		return []byte("null"), nil
	}
	return r, nil
}

// UnmarshalJSON takes the JSON as it is.
func (r *RawReceipt) UnmarshalJSON(data []byte) error {
	*r = append((*r)[:0], data...)
	return nil
}
