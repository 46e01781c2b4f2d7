package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestEnqueueTakesOrNamesWhatIsTyped: each way in which tools and people write a number or a time
// is taken as what it can only mean, or refused with field, rule and remedy, never with the number.
func TestEnqueueTakesOrNamesWhatIsTyped(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	const phone, ends = `"13900000001"`, `"2099-01-31 23:59:59"`
	tests := map[string]struct {
		phone, ends, more string
		says              []string // nothing where it is taken
	}{
		"plain":                    {phone: phone, ends: ends},
		"RFC 3339":                 {phone: phone, ends: `"2099-01-31T15:59:59Z"`},
		"RFC 3339 of Beijing":      {phone: phone, ends: `"2099-01-31T23:59:59.000+08:00"`},
		"RFC 3339 without a zone":  {phone: phone, ends: `"2099-01-31T23:59:59"`, says: []string{"Expiration must say how far it is from UTC", "add +08:00"}},
		"an epoch":                 {phone: phone, ends: `4073558399`, says: []string{"Expiration must be a time", "no epoch timestamp", "write 2099-01-31 23:59:59"}},
		"an epoch in milliseconds": {phone: phone, ends: `"4073558399000"`, says: []string{"Expiration must be a time", "no epoch timestamp", "write 2099-01-31 23:59:59"}},
		"a key twice":              {phone: phone, ends: ends, more: `,"PhoneNoA":"13900000002"`, says: []string{`"PhoneNoA" is given twice`, "keep one"}},
		"a number as a number":     {phone: `13900000001`, ends: ends, says: []string{"PhoneNoA must be a JSON string", "put it in quotes"}},
		"a number of a sheet":      {phone: `1.3900000001E+10`, ends: ends, says: []string{"PhoneNoA must be a JSON string", "put it in quotes"}},
		"a number in full width":   {phone: `"１３９０００００００１"`, ends: ends, says: []string{"PhoneNoA must be a mobile number", "write its digits as 0 to 9"}},
		"a time in full width":     {phone: phone, ends: `"２０９９-01-31 23:59:59"`, says: []string{"Expiration must be written in half-width characters", "0 to 9"}},
		"true as a word":           {phone: phone, ends: ends, more: `,"IsRecordingEnabled":"true"`, says: []string{"IsRecordingEnabled must be true or false", "without quotes"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := fmt.Sprintf(`{"PoolKey":%q,"PhoneNoA":%s,"Expiration":%s%s}`, dyplstest.DefaultPoolKey, test.phone, test.ends, test.more)
			r := systemtest.Run(t, s.Env, line+"\r\n", "enqueue", "BindAxn", "-")
			want := statusOK
			if test.says != nil {
				want = statusUsage
			}
			if r.Status != want {
				t.Errorf("exit status %d, want %d: %s", r.Status, want, r.Errors)
			}
			for _, text := range test.says {
				if !strings.Contains(r.Errors, text) {
					t.Errorf("does not say %q: %s", text, r.Errors)
				}
			}
			systemtest.NoNumbers(t, "the refusal", r.Errors)
		})
	}
}
