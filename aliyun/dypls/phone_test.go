package dypls_test

import (
	"fmt"
	"regexp"
	"testing"
	"unicode/utf8"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

func TestPhoneMasked(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want dypls.Phone }{
		"mobile":         {"15000000001", "150****0001"},
		"landline":       {"051200000004", "051****0004"},
		"400 number":     {"4000000001", "400****0001"},
		"9 digits":       {"123456789", "123****6789"},
		"8 digits":       {"12345678", "***"}, // with 7 shown, one would be hidden
		"service number": {"95013", "***"},
		"2 digits":       {"12", "**"},
		"none":           {"", ""},
		"with +86":       {"+8615000000001", "+86****0001"},
		"full width":     {"１５０００００００００１", "１５０****０００１"},
		"8 letters":      {"一二三四五六七八", "***"}, // letters, not bytes
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.in.Masked(); got != string(tt.want) {
				t.Errorf("Masked = %s, want %s", got, string(tt.want))
			}
			if got := fmt.Sprint(tt.in); got != tt.in.Masked() || tt.in.String() != got || tt.in.LogValue().String() != got {
				t.Errorf("Sprint = %s", got)
			}
		})
	}
}

// digitRun is a run that could be a telephone number, in the digits of any script.
var digitRun = regexp.MustCompile(`\p{Nd}{7,}`)

// Of whatever is taken for a number, seven digits in a row are never shown, and only numbers are
// let through.
func FuzzPhone(f *testing.F) {
	for _, seed := range []string{"15000000001", "01000000004", "95013", "+86 150-0000-0001", "１５０００００００００１", "12345678901234567890", "\xff1234567890", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		masked := dypls.Phone(s).Masked()
		if run := digitRun.FindString(masked); run != "" {
			t.Fatalf("%q is shown as %q", s, masked)
		}
		if !utf8.ValidString(masked) {
			t.Fatalf("%q is shown as broken text %q", s, masked)
		}
		request := dypls.BindAXBRequest{
			PoolKey: "FC1", PhoneNoA: dypls.Phone(s), PhoneNoB: dypls.Phone(s), PhoneNoX: dypls.Phone(s), Expiration: expiration,
		}
		var want []string
		switch s {
		case "":
			want = []string{"PhoneNoA " + isRequired, "PhoneNoB " + isRequired}
		default:
			if !isSubscriber.MatchString(s) {
				want = append(want, "PhoneNoA "+subscriber)
			}
			if !isDialable.MatchString(s) {
				want = append(want, "PhoneNoB "+dialable, "PhoneNoX "+dialable)
			}
			want = append(want, "PhoneNoB must be another number than PhoneNoA",
				"PhoneNoX must be another number than PhoneNoA", "PhoneNoX must be another number than PhoneNoB")
		}
		err := request.Validate()
		if got := rulesOf(t, err); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%q: problems %q, want %q", s, got, want)
		}
		if err != nil && digitRun.MatchString(err.Error()) {
			t.Fatalf("the error shows a number: %v", err)
		}
	})
}
