package tasks

import (
	"testing"
)

// TestMaskedOutcome: the result of each kind is shown without numbers and links, as its own type
// masks them; one that cannot be read is not shown.
func TestMaskedOutcome(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ action, result, want string }{
		"bind":      {"BindAxn", `{"SubsId":"1000369985704433","SecretNo":"17012345678","Extension":"13812345678"}`, `{"SubsId":"1000369985704433","SecretNo":"170****5678","Extension":"138****5678"}`},
		"recording": {"QueryRecordFileDownloadUrl", `{"DownloadUrl":"https://oss.example/13812345678.mp3?Signature=x","ExpiresAt":"2099-01-31T23:59:59Z"}`, `{"DownloadUrl":"https://oss.example/***","ExpiresAt":"2099-01-31T23:59:59Z"}`},
		"unbind":    {"UnbindSubscription", `{"ChargeId":"13812345678"}`, `{"ChargeId":"138****5678"}`},
		"update":    {"UpdateSubscription", `{"PhoneNoA":"13812345678"}`, `{}`},
		"broken":    {"BindAxn", `"13812345678"`, ``},
		"unknown":   {"BindAxz", `{"SecretNo":"17012345678"}`, ``},
		"none":      {"BindAxn", ``, ``},
	} {
		o := Outcome{Action: test.action}
		if test.result != "" {
			o.Result = []byte(test.result)
		}
		if got := string(o.Masked().Result); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
