package dypls_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// isSubscriber and isDialable say by other means what the rules say.
var (
	isSubscriber = regexp.MustCompile(`^(?:1[3-9][0-9]{9}|0[1-9][0-9]{8,10})$`)
	isDialable   = regexp.MustCompile(`^[0-9]{3,20}$`)
)

func TestValidateNumbers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		number           dypls.Phone
		person, dialable bool
	}{
		"mobile":                  {"15000000009", true, true},
		"mobile 199":              {"19900000001", true, true},
		"no mobile: 12":           {"12000000001", false, true},
		"mobile of 10 digits":     {"1500000000", false, true},
		"mobile of 12 digits":     {"150000000011", false, true},
		"landline Beijing":        {"01000000004", true, true},
		"landline, 7 digits":      {"0100000004", true, true},
		"landline Suzhou":         {"051200000004", true, true},
		"landline of 13 digits":   {"0512000000045", false, true},
		"landline, no area code":  {"62000004", false, true},
		"landline with hyphen":    {"010-00000004", false, false},
		"international 00":        {"008615000000001", false, true},
		"+86":                     {"+8615000000001", false, false},
		"86":                      {"8615000000001", false, true},
		"blank in front":          {" 15000000001", false, false},
		"blank behind":            {"15000000001 ", false, false},
		"blanks inside":           {"150 0000 0001", false, false},
		"hyphens":                 {"150-0000-0001", false, false},
		"line feed behind":        {"15000000001\n", false, false},
		"full-width digits":       {"１５００００００００１", false, false},
		"Arabic digits":           {"١٥٠٠٠٠٠٠٠٠١", false, false},
		"letters":                 {"1500000000I", false, false},
		"a service number":        {"95013", false, true},
		"a 400 number":            {"4000000000", false, true},
		"3 digits":                {"110", false, true},
		"2 digits":                {"11", false, false},
		"20 digits":               {"12345678901234567890", false, true},
		"21 digits":               {"123456789012345678901", false, false},
		"a blank":                 {" ", false, false},
		"masked by an older hand": {"150****0001", false, false},
	}
	// Where a number goes, and whether a person must answer it.
	places := []struct {
		action, field, name string
		person              bool
	}{
		{"BindAxb", "PhoneNoA", "PhoneNoA", true}, {"BindAxb", "PhoneNoB", "PhoneNoB", false}, {"BindAxb", "PhoneNoX", "PhoneNoX", false},
		{"BindAxn", "PhoneNoA", "PhoneNoA", true}, {"BindAxn", "PhoneNoB", "PhoneNoB", false}, {"BindAxn", "PhoneNoX", "PhoneNoX", false},
		{"BindAxnExtension", "PhoneNoA", "PhoneNoA", true}, {"BindAxnExtension", "PhoneNoB", "PhoneNoB", false},
		{"BindAxnExtension", "PhoneNoX", "PhoneNoX", false},
		{"BindAxg", "PhoneNoA", "PhoneNoA", true}, {"BindAxg", "PhoneNoB", "PhoneNoB", false}, {"BindAxg", "PhoneNoX", "PhoneNoX", false},
		{"UnbindSubscription", "SecretNo", "SecretNo", false}, {"QuerySubsId", "PhoneNoX", "PhoneNoX", false},
		{"QuerySubscriptionDetail", "PhoneNoX", "PhoneNoX", false},
		{"UpdateSubscription", "PhoneNoA", "PhoneNoA", true}, {"UpdateSubscription", "PhoneNoB", "PhoneNoB", false},
		{"UpdateSubscription", "PhoneNoX", "PhoneNoX", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if isSubscriber.MatchString(string(tt.number)) != tt.person || isDialable.MatchString(string(tt.number)) != tt.dialable {
				t.Fatal("the table and the regular expressions disagree")
			}
			for _, p := range places {
				var want []string
				switch {
				case p.person && !tt.person:
					want = []string{p.name + " " + subscriber}
				case !p.person && !tt.dialable:
					want = []string{p.name + " " + dialable}
				}
				err := dypls.ValidateAt(with(samples[p.action].full, p.field, tt.number), before)
				if diff := cmp.Diff(want, rulesOf(t, err)); diff != "" {
					t.Errorf("%s of %s (-want +got):\n%s", p.name, p.action, diff)
				}
				if err != nil && len(tt.number) > 4 && strings.Contains(err.Error(), string(tt.number)) {
					t.Errorf("%s of %s: the error tells the number: %v", p.name, p.action, err)
				}
			}
		})
	}
}
