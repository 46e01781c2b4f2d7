package dypls_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// More than 60 s ahead means 61 in whole seconds; what counts is what the API will read, not what
// the program holds.
func TestValidateAtExpiration(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	const rule = "Expiration must be more than 60 s ahead (Beijing time)"
	tests := map[string]struct {
		now        time.Time
		expiration time.Time
		late       bool
	}{
		"61 s":                        {now, now.Add(61 * time.Second), false},
		"60 s":                        {now, now.Add(60 * time.Second), true},
		"60.9 s, of which 60 travel":  {now, now.Add(60*time.Second + 900*time.Millisecond), true},
		"60.1 s from a broken second": {now.Add(900 * time.Millisecond), now.Add(61 * time.Second), false},
		"60 s from a broken second":   {now.Add(time.Second), now.Add(61 * time.Second), true},
		"past":                        {now, now.Add(-time.Hour), true},
		"far":                         {now, now.AddDate(73, 0, 0), false},
		// Taken for UTC, Beijing's half past six in the evening would seem eight hours further away.
		"an hour, in another zone": {now.In(time.FixedZone("EST", -5*3600)), now.Add(time.Hour).In(time.FixedZone("EST", -5*3600)), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, action := range []string{"BindAxb", "BindAxn", "BindAxnExtension", "BindAxg", "UpdateSubscription"} {
				// Not by At, which drops the fraction: a caller may fill in the struct by itself.
				request := with(samples[action].full, "Expiration", dypls.Time{Time: tt.expiration})
				var want []string
				if tt.late {
					want = []string{rule}
				}
				if diff := cmp.Diff(want, rulesOf(t, dypls.ValidateAt(request, tt.now))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", action, diff)
				}
				// A task that waited too long is still well-formed: that it is late is not the format's matter.
				if err := request.Validate(); err != nil {
					t.Errorf("%s: Validate applied a rule that depends on the time: %v", action, err)
				}
			}
		})
	}
}

func TestValidateAtOtherTimes(t *testing.T) {
	t.Parallel()
	// A call lies in the past: no rule but the format's applies to it.
	if err := dypls.ValidateAt(samples["QueryRecordFileDownloadUrl"].full, callTime.AddDate(5, 0, 0)); err != nil {
		t.Errorf("an old CallTime: %v", err)
	}
	// An update of something else leaves Expiration out.
	if err := dypls.ValidateAt(samples["UpdateSubscription"].minimal, before); err != nil {
		t.Errorf("an update without Expiration: %v", err)
	}
}
