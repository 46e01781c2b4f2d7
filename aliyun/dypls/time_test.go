package dypls_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   string
		unix int64 // of an accepted time
		ok   bool
	}{
		"as documented": {"2026-11-22 18:30:00", 1795343400, true},
		// with call_time 1629893489000 on the help page
		"a receipt's pair": {"2021-08-25 20:11:29", 1629893489, true},
		"midnight":         {"2026-01-01 00:00:00", 1767196800, true},
		"leap day":         {"2024-02-29 12:00:00", 1709179200, true},
		"no leap day":      {"2026-02-29 12:00:00", 0, false},
		// Validate refuses it, not the format
		"before 1970":         {"1969-12-31 00:00:00", -115200, true},
		"month unpadded":      {"2099-1-31 23:59:59", 0, false},
		"hour unpadded":       {"2026-11-22 8:30:00", 0, false},
		"fraction":            {"2026-11-22 18:30:00.5", 0, false},
		"fraction with comma": {"2026-11-22 18:30:00,5", 0, false},
		"RFC 3339":            {"2026-11-22T10:30:00Z", 1795343400, true},
		"RFC 3339 of Beijing": {"2026-11-22T18:30:00+08:00", 1795343400, true},
		// JavaScript's toISOString
		"RFC 3339 with ms":         {"2026-11-22T10:30:00.999Z", 1795343400, true},
		"RFC 3339 with a blank":    {"2026-11-22 18:30:00+08:00", 1795343400, true},
		"RFC 3339 in small":        {"2026-11-22t10:30:00z", 1795343400, true},
		"RFC 3339, hour unpadded":  {"2026-11-22T8:30:00+08:00", 0, false},
		"RFC 3339 with a comma":    {"2026-11-22T18:30:00,5+08:00", 0, false},
		"RFC 3339, offset too far": {"2026-11-22T18:30:00+24:00", 0, false},
		"T without an offset":      {"2026-11-22T18:30:00", 0, false},
		"Go's zero instant":        {"0001-01-01T00:00:00Z", 0, false},
		"out of what can be kept":  {"9999-12-31T23:59:59Z", 0, false},
		"date alone":               {"2026-11-22", 0, false},
		"blank in front":           {" 2026-11-22 18:30:00", 0, false},
		"blank behind":             {"2026-11-22 18:30:00 ", 0, false},
		"two blanks":               {"2026-11-22  18:30:00", 0, false},
		"slashes":                  {"2026/11/22 18:30:00", 0, false},
		"hour 24":                  {"2026-11-22 24:00:00", 0, false},
		"leap second":              {"2026-12-31 23:59:60", 0, false},
		"full-width digits":        {"２０２６-11-22 18:30:00", 0, false},
		"epoch seconds":            {"1795343400", 0, false},
		"epoch ms":                 {"1795343400000", 0, false},
		"empty":                    {"", 0, false},
		"year of five digits":      {"12026-11-22 18:30:00", 0, false},
		"Go's zero time, for one":  {"0001-01-01 08:00:00", 0, false}, // it would be taken for unset
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := dypls.ParseTime(tt.in)
			if (err == nil) != tt.ok {
				t.Fatalf("ParseTime(%q) = %v, %v", tt.in, got, err)
			}
			if !tt.ok {
				return
			}
			if got.Unix() != tt.unix || isWireTime(tt.in) && got.String() != tt.in {
				t.Errorf("ParseTime(%q) = %d, %q; want %d and, of the wire form, the same text", tt.in, got.Unix(), got, tt.unix)
			}
		})
	}
}

func TestTimeJSON(t *testing.T) {
	t.Parallel()
	type holder struct {
		At dypls.Time `json:",omitzero"`
	}
	tests := map[string]struct {
		in, out string // out is "" where in is refused
	}{
		"a time":       {`{"At":"2026-11-22 18:30:00"}`, `{"At":"2026-11-22 18:30:00"}`},
		"absent":       {`{}`, `{}`},
		"null":         {`{"At":null}`, `{}`},
		"empty":        {`{"At":""}`, `{}`},
		"epoch ms":     {`{"At":1795343400000}`, ""},
		"epoch string": {`{"At":"1795343400000"}`, ""},
		"object":       {`{"At":{}}`, ""},
		"boolean":      {`{"At":true}`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h holder
			err := json.Unmarshal([]byte(tt.in), &h)
			if (err == nil) != (tt.out != "") {
				t.Fatalf("Unmarshal(%s): %v", tt.in, err)
			}
			if err != nil {
				return
			}
			if out, err := json.Marshal(h); err != nil || string(out) != tt.out {
				t.Errorf("%s came back as %s (%v), want %s", tt.in, out, err, tt.out)
			}
		})
	}
}

// Whatever zone an instant is written in, it is the same on the wire.
func TestTimeOfAnyZone(t *testing.T) {
	t.Parallel()
	for _, zone := range []*time.Location{time.UTC, time.Local, time.FixedZone("west", -12*3600), time.FixedZone("east", 14*3600)} {
		if got := dypls.At(expiration.In(zone)).String(); got != "2026-11-22 18:30:00" {
			t.Errorf("in %v: %s", zone, got)
		}
	}
	if got := dypls.At(time.Time{}); !got.IsZero() || got.String() != "" {
		t.Errorf("the zero time became %q", got)
	}
	// A time that went through JSON must equal the one that did not, or a repeated request would look
	// like another.
	if got := dypls.At(time.Unix(1795343400, 1)); !got.Equal(expiration.Time) {
		t.Errorf("At kept what the API cannot be told: %v", got.Time)
	}
}

var wireTime = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$`)

var rfc3339 = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`)

func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"2026-11-22 18:30:00", "2026-02-29 00:00:00", "0001-01-01 08:00:00", "2026-11-22 18:30:00.000", "1795343400000", "", "2026-11-22T10:30:00.5+08:00", "2099-1-31T24:61", "2026-11-22T8:30:00Z", "2026-11-22T08:30:00,5+24:60"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := dypls.ParseTime(s)
		if wire := isWireTime(s); wire && err != nil || !wire && err == nil && !rfc3339.MatchString(s) {
			t.Fatalf("ParseTime(%q) = %v, %v; of the wire form: %t", s, got.Time, err, wire)
		}
		if err != nil {
			if invalid, is := errors.AsType[*dypls.ValidationError](err); !is || len(invalid.Problems) == 0 || digitRun.MatchString(err.Error()) {
				t.Fatalf("ParseTime(%q): %v", s, err)
			}
			return
		}
		if isWireTime(s) && got.String() != s {
			t.Fatalf("%q came back as %q", s, got)
		}
		encoded, err := json.Marshal(got)
		var decoded dypls.Time
		if err != nil || json.Unmarshal(encoded, &decoded) != nil || !decoded.Equal(got.Time) {
			t.Fatalf("%q through JSON: %s, %v, %v", s, encoded, err, decoded)
		}
	})
}

// isWireTime says by other means what ParseTime says: the form is right, and no part overflows into
// the next.
func isWireTime(s string) bool {
	if !wireTime.MatchString(s) || s == "0001-01-01 08:00:00" {
		return false
	}
	var year, month, day, hour, minute, second int
	if _, err := fmt.Sscanf(s, "%4d-%2d-%2d %2d:%2d:%2d", &year, &month, &day, &hour, &minute, &second); err != nil {
		return false
	}
	u := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return u.Format(time.DateTime) == s
}

// Whoever wrote a time is told which part of it is wrong, and nothing about Go.
func TestParseTimeSaysWhichPartIsWrong(t *testing.T) {
	t.Parallel()
	const pad = ": put a 0 in front of it"
	tests := map[string]string{
		"2099-1-31 23:59:59":         "must have a month of two digits" + pad,
		"2099-01-1 23:59:59":         "must have a day of two digits" + pad,
		"2099-01-31 3:59:59":         "must have an hour of two digits" + pad,
		"2099-1-3 3:05:09":           "3 problems: must have a month of two digits" + pad + "; must have a day of two digits" + pad + "; must have an hour of two digits" + pad,
		"2099-01-31":                 "must have a time of day: add it behind the date, such as 23:59:59",
		"2099-01-31 23:59":           "must have seconds: add :00",
		"2099-01-31 23:59:59 ":       "must not end in white space: remove the space behind it",
		"\u200b2099-01-31 23:59:59":  "must not begin with white space: remove the space in front of it",
		"2099-01-31 24:00:00":        "must have an hour from 00 to 23: write midnight as 00:00:00 of the next day",
		"2099-01-31 25:00:00":        "must have an hour from 00 to 23: check it",
		"2099-01-31 23:60:00":        "must have a minute from 00 to 59: check it",
		"2099-01-31 23:59:60":        "must have a second from 00 to 59: check it",
		"2099-13-01 00:00:00":        "must have a month from 01 to 12: check it",
		"2099-02-30 00:00:00":        "must be a day that its month has: check the day",
		"2099-02-30T00:00:00Z":       "must be a day that its month has: check the day",
		"2099-01-31T23:59:59":        "must say how far it is from UTC where it has a T: add +08:00 for Beijing time, or write a blank in place of T",
		"2099-01-31T23:59:59+0800":   "must have its offset from UTC in the form +08:00: write it so, right behind the seconds",
		"2099-01-31T23:59:59+24:00":  "must have its offset from UTC in the form +08:00: write it so, right behind the seconds",
		"2099-01-31T23:59:59+08:60":  "must have its offset from UTC in the form +08:00: write it so, right behind the seconds",
		"2099-01-31T3:59:59+08:00":   "must have an hour of two digits" + pad,
		"2099-01-31T23:59:59,5Z":     "must have a dot before the fraction of a second: write a dot, or cut the fraction off",
		"2099-01-31 23:59:59 +08:00": "must have its offset from UTC in the form +08:00: write it so, right behind the seconds",
		"2099-01-31 23:59:59.5":      "must have no fraction of a second: cut it off",
		"2099-01-31  23:59:59":       "must have one blank between date and time of day: write one blank there",
		"2099/01/31 23:59:59":        "must have hyphens between year, month and day: write the date as 2099-01-31",
		"2099年01月31日 23:59:59":       "must have hyphens between year, month and day: write the date as 2099-01-31",
		"99-01-31 23:59:59":          "must have a year of four digits: write all four",
		"２０９９-01-31 23:59:59":        "must be written in half-width characters: write its digits as 0 to 9",
		"1795343400000":              "must be a time yyyy-MM-dd HH:mm:ss, and no epoch timestamp: write 2026-11-22 18:30:00 if it counts milliseconds",
		"1795343400":                 "must be a time yyyy-MM-dd HH:mm:ss, and no epoch timestamp: write 2026-11-22 18:30:00 if it counts seconds",
		// a number in the wrong place is not told as a time
		"13800000001":          "must be a time yyyy-MM-dd HH:mm:ss, and no epoch timestamp: " + howToWrite,
		"4008001234":           "must be a time yyyy-MM-dd HH:mm:ss, and no epoch timestamp: " + howToWrite,
		"tomorrow":             "must be a time yyyy-MM-dd HH:mm:ss: " + howToWrite,
		"":                     "must be a time yyyy-MM-dd HH:mm:ss: " + howToWrite,
		"9999-12-31T23:59:59Z": "must be a time yyyy-MM-dd HH:mm:ss: " + howToWrite,
	}
	for in, want := range tests {
		t.Run(in, func(t *testing.T) {
			t.Parallel()
			if _, err := dypls.ParseTime(in); err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
	var decoded dypls.Time
	if err := json.Unmarshal([]byte("1795343400000"), &decoded); err == nil || err.Error() != tests["1795343400000"] {
		t.Errorf("as a JSON number: %v", err)
	}
	if err := json.Unmarshal([]byte("true"), &decoded); err == nil || err.Error() != "must be a time in quotes: "+howToWrite {
		t.Errorf("no text: %v", err)
	}
}

const howToWrite = "write 2099-01-31 23:59:59, which is Beijing time, or 2099-01-31T23:59:59+08:00"
