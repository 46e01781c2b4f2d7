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
// JSON, and a conversion to string, give it whole.
type Phone string

// Masked returns the number as people may see it: 150****0001, or *** where that would leave too little hidden.
func (p Phone) Masked() string {
	if len(p) < 9 {
		return strings.Repeat("*", min(len(p), 3))
	}
	return string(p[:3]) + "****" + string(p[len(p)-4:])
}

// Format implements [fmt.Formatter]: every verb prints the masked number.
func (p Phone) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, p.Masked()) }

// String returns the masked number.
func (p Phone) String() string { return p.Masked() }

// LogValue implements [slog.LogValuer].
func (p Phone) LogValue() slog.Value { return slog.StringValue(p.Masked()) }
