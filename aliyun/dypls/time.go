package dypls

import (
	"encoding/json"
	"errors"
	"time"
)

// timeLayout is how the API writes every time: yyyy-MM-dd HH:mm:ss.
const timeLayout = "2006-01-02 15:04:05"

// beijing is UTC+8 without daylight saving, whatever time zone database the host has.
var beijing = time.FixedZone("UTC+8", 8*60*60)

// errTimeFormat names the rule and the remedy, never the value.
var errTimeFormat = errors.New(
	"must be a string yyyy-MM-dd HH:mm:ss in Beijing time, such as 2026-11-22 18:30:00; " +
		"an epoch timestamp is not taken by the API: convert it with dypls.At(time.UnixMilli(ms))")

// Time is an instant that the API writes as yyyy-MM-dd HH:mm:ss in Beijing time (UTC+8), to the second,
// whatever the time zone of this host. Use [At] to make one.
//
// The API's pages do not state the zone; receipts of one and the same call that carry both a string and
// an epoch show it (help pages of SecretReport and SecretRecording).
type Time struct{ time.Time }

// At returns t as the API's time, without what is less than a second: the API cannot be told it.
func At(t time.Time) Time { return Time{t.Truncate(time.Second)} }

// ParseTime reads yyyy-MM-dd HH:mm:ss as Beijing time. Nothing else is accepted: no fractions, no missing zeros.
func ParseTime(s string) (Time, error) {
	t, err := time.ParseInLocation(timeLayout, s, beijing)
	parsed := Time{t}
	if err != nil || parsed.String() != s { // the zero instant, which writes "", is refused too
		return Time{}, errTimeFormat
	}
	return parsed, nil
}

// String returns the time as it goes on the wire, "" for the zero time.
func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return t.In(beijing).Format(timeLayout)
}

// MarshalJSON writes the wire form.
func (t Time) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

// UnmarshalJSON reads the wire form; "" and null are the zero time.
func (t *Time) UnmarshalJSON(data []byte) error {
	var s string
	if quoted := len(timeLayout) + len(`""`); len(data) == quoted && data[0] == '"' {
		s = string(data[1 : quoted-1]) // what is escaped in it is no time either
	} else if json.Unmarshal(data, &s) != nil {
		return errTimeFormat
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
