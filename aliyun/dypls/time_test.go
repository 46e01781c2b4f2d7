package dypls_test

import (
	"encoding/json"
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
		"as documented":           {"2026-11-22 18:30:00", 1795343400, true},
		"a receipt's pair":        {"2021-08-25 20:11:29", 1629893489, true}, // with call_time 1629893489000 on the help page
		"midnight":                {"2026-01-01 00:00:00", 1767196800, true},
		"leap day":                {"2024-02-29 12:00:00", 1709179200, true},
		"no leap day":             {"2026-02-29 12:00:00", 0, false},
		"before 1970":             {"1969-12-31 00:00:00", -115200, true}, // Validate refuses it, not the format
		"month unpadded":          {"2099-1-31 23:59:59", 0, false},
		"hour unpadded":           {"2026-11-22 8:30:00", 0, false},
		"fraction":                {"2026-11-22 18:30:00.5", 0, false},
		"fraction with comma":     {"2026-11-22 18:30:00,5", 0, false},
		"ISO 8601":                {"2026-11-22T18:30:00Z", 0, false},
		"with zone":               {"2026-11-22 18:30:00+08:00", 0, false},
		"date alone":              {"2026-11-22", 0, false},
		"blank in front":          {" 2026-11-22 18:30:00", 0, false},
		"blank behind":            {"2026-11-22 18:30:00 ", 0, false},
		"two blanks":              {"2026-11-22  18:30:00", 0, false},
		"slashes":                 {"2026/11/22 18:30:00", 0, false},
		"hour 24":                 {"2026-11-22 24:00:00", 0, false},
		"leap second":             {"2026-12-31 23:59:60", 0, false},
		"full-width digits":       {"２０２６-11-22 18:30:00", 0, false},
		"epoch seconds":           {"1795343400", 0, false},
		"epoch ms":                {"1795343400000", 0, false},
		"empty":                   {"", 0, false},
		"year of five digits":     {"12026-11-22 18:30:00", 0, false},
		"Go's zero time, for one": {"0001-01-01 08:00:00", 0, false}, // it would be taken for unset
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
			if got.Unix() != tt.unix || got.String() != tt.in {
				t.Errorf("ParseTime(%q) = %d, %q; want %d and the same text", tt.in, got.Unix(), got, tt.unix)
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
	// A time that went through JSON must equal the one that did not, or a repeated request would look like another.
	if got := dypls.At(time.Unix(1795343400, 1)); !got.Equal(expiration.Time) {
		t.Errorf("At kept what the API cannot be told: %v", got.Time)
	}
}

var wireTime = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$`)

func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"2026-11-22 18:30:00", "2026-02-29 00:00:00", "0001-01-01 08:00:00", "2026-11-22 18:30:00.000", "1795343400000", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := dypls.ParseTime(s)
		if want := isWireTime(s); (err == nil) != want {
			t.Fatalf("ParseTime(%q) = %v, %v; want accepted = %t", s, got.Time, err, want)
		}
		if err != nil {
			return
		}
		if got.String() != s {
			t.Fatalf("%q came back as %q", s, got)
		}
		encoded, err := json.Marshal(got)
		var decoded dypls.Time
		if err != nil || json.Unmarshal(encoded, &decoded) != nil || !decoded.Equal(got.Time) {
			t.Fatalf("%q through JSON: %s, %v, %v", s, encoded, err, decoded)
		}
	})
}

// isWireTime says by other means what ParseTime says: the form is right, and no part overflows into the next.
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
