package dypls

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// timeLayout is how the API writes every time: yyyy-MM-dd HH:mm:ss.
const timeLayout = "2006-01-02 15:04:05"

// beijing is UTC+8 without daylight saving, whatever time zone database the host has.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// rfc3339 refuses what [time.Time.UnmarshalText] takes and the RFC does not: an hour of one digit,
// a comma before the fraction, and an offset of +24:60 (go.dev/issue/54580).
var rfc3339 = regexp.MustCompile(
	`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(` + offsetForm + `)$`,
)

// Time is an instant that the API writes as yyyy-MM-dd HH:mm:ss in Beijing time (UTC+8), to the
// second, whatever the time zone of this host. Use [At] to make one: of a receipt's epoch
// milliseconds, At(time.UnixMilli(ms)).
//
// The API's pages do not state the zone; receipts of one and the same call that carry both a string
// and an epoch show it (help pages of SecretReport and SecretRecording).
type Time struct{ time.Time }

// At returns t as the API's time, without what is less than a second: the API cannot be told it.
func At(t time.Time) Time { return Time{t.Truncate(time.Second)} }

// ParseTime reads yyyy-MM-dd HH:mm:ss as Beijing time, or RFC 3339 with an offset, such as
// 2099-01-31T23:59:59+08:00, whose fraction of a second is dropped, as [At] does. Nothing else is
// accepted: what leaves out its zone or its zeros can be meant in two ways. The error is a
// *[ValidationError] that says which part is wrong.
func ParseTime(s string) (Time, error) {
	t, err := time.ParseInLocation(timeLayout, s, beijing)
	parsed := Time{t}
	if err == nil && parsed.String() == s { // the zero instant, which writes "", is refused
		return parsed, nil
	}
	var instant time.Time
	text := strings.ToUpper(strings.Replace(s, " ", "T", 1))
	if rfc3339.MatchString(text) && instant.UnmarshalText([]byte(text)) == nil {
		// What its own wire form does not give back could not be stored.
		if at := At(instant); !at.IsZero() && at.In(beijing).Year() >= 1 &&
			at.In(beijing).Year() <= 9999 {
			return at, nil
		}
	}
	return Time{}, &ValidationError{Problems: timeProblems(s)}
}

// String returns the time as it goes on the wire, "" for the zero time.
func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return t.In(beijing).Format(timeLayout)
}

// MarshalJSON writes the wire form.
func (t Time) MarshalJSON() ([]byte, error) {
	return append(
		append(make([]byte, 0, len(timeLayout)+len(`""`)), '"'),
		t.String()+`"`...), nil // nothing in it needs an escape
}

// UnmarshalJSON reads what [ParseTime] reads; "" and null are the zero time.
func (t *Time) UnmarshalJSON(data []byte) error {
	var s string
	if quoted := len(timeLayout) + len(`""`); len(data) == quoted && data[0] == '"' {
		s = string(data[1 : quoted-1]) // what is escaped in it is no time either
	} else if json.Unmarshal(data, &s) != nil {
		if isDigits(string(data)) {
			return &ValidationError{Problems: []Problem{epochProblem(string(data))}}
		}
		return &ValidationError{
			Problems: []Problem{{Rule: "must be a time in quotes", Remedy: timeRemedy}},
		}
	}
	if s == "" {
		*t = Time{}
		return nil
	}
	parsed, err := ParseTime(s)
	if err != nil {
		return err
	}
	*t = parsed
	return nil
}
