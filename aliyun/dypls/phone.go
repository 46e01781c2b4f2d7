package dypls

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Phone is a telephone number: digits only, without +86, hyphens or spaces.
//
// It is personal data. Every formatting verb, and log/slog, prints it masked (150****0001);
// JSON, and a conversion to string, give it whole. So does whatever logs by way of JSON (a []Phone
// in slog's JSONHandler), and fmt for an unexported field, whose methods it cannot call.
type Phone string

// Masked returns the number as people may see it: 150****0001, or *** where that would leave too
// little hidden.
func (p Phone) Masked() string {
	digits := []rune(p) // what was put here by mistake may be more than ASCII
	if len(digits) < 9 {
		return strings.Repeat("*", min(len(digits), 3))
	}
	return string(digits[:3]) + "****" + string(digits[len(digits)-4:])
}

// Format implements [fmt.Formatter]: every verb prints the masked number.
func (p Phone) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, p.Masked()) }

// String returns the masked number.
func (p Phone) String() string { return p.Masked() }

// LogValue implements [slog.LogValuer].
func (p Phone) LogValue() slog.Value { return slog.StringValue(p.Masked()) }
