package dypls

import (
	"fmt"
	"strings"
	"time"
)

// Problem is one thing wrong with a request. It names the parameter, the rule and the remedy, never
// the value.
type Problem struct {
	Field  string // the API's parameter name
	Rule   string // what must hold, such as "must be 3-20 digits"
	Remedy string // what to do about it
	// Meant is the parameter that an unknown name was probably meant for, "" where there is none near.
	Meant string
}

func (p Problem) String() string {
	text := p.Rule
	if p.Field != "" {
		text = p.Field + " " + p.Rule
	}
	if p.Remedy != "" {
		text += ": " + p.Remedy
	}
	return text
}

// ValidationError lists everything wrong with one request. Nothing was sent or stored.
type ValidationError struct{ Problems []Problem }

func (e *ValidationError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	if len(lines) == 1 {
		return lines[0]
	}
	return fmt.Sprintf("%d problems: %s", len(lines), strings.Join(lines, "; "))
}

// ValidateAt applies every rule to a request that is to be sent at now, those that depend on the
// time included. The error is a *[ValidationError].
func ValidateAt(r Request, now time.Time) error {
	d := describe(r, now)
	return d.err()
}

// Examine does what [ParametersOf] and [ValidateAt] do, in one walk over the request. The zero time
// leaves out the rules that depend on it.
func Examine(r Request, now time.Time) (Parameters, error) {
	d := describe(r, now)
	return d.parameters, d.err()
}

// validate applies the rules that hold at any time.
func validate(r Request) error {
	d := describe(r, time.Time{})
	return d.err()
}
