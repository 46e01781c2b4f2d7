package dypls_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// documented lists what the API's pages and metadata name, in words of their own: a check on the
// structs, not a copy of them.
var documented = map[string]string{
	"BindAxb": "PoolKey PhoneNoA PhoneNoB PhoneNoX Expiration ExpectCity IsRecordingEnabled OutId OutOrderId CallRestrict " +
		"CallDisplayType RingConfig ASRStatus ASRModelId CallTimeout DtmfConfig",
	"BindAxn": "PoolKey PhoneNoA PhoneNoB PhoneNoX Expiration ExpectCity IsRecordingEnabled OutId OutOrderId CallRestrict " +
		"CallDisplayType RingConfig ASRStatus ASRModelId CallTimeout NoType Extend",
	"BindAxnExtension": "PoolKey PhoneNoA PhoneNoB PhoneNoX Extension Expiration ExpectCity IsRecordingEnabled OutId OutOrderId CallRestrict " +
		"CallDisplayType RingConfig ASRStatus ASRModelId Extend",
	"BindAxg": "PoolKey PhoneNoA PhoneNoB PhoneNoX GroupId Expiration ExpectCity IsRecordingEnabled OutId OutOrderId CallRestrict " +
		"CallDisplayType RingConfig ASRStatus ASRModelId",
	"UnbindSubscription": "PoolKey ProductType SubsId SecretNo",
	"UpdateSubscription": "PoolKey ProductType SubsId PhoneNoX OperateType PhoneNoA PhoneNoB Expiration GroupId CallRestrict CallDisplayType OutId " +
		"IsRecordingEnabled RingConfig ASRStatus ASRModelId",
	"QuerySubscriptionDetail":    "PoolKey ProductType SubsId PhoneNoX",
	"QuerySubsId":                "PoolKey PhoneNoX",
	"QueryRecordFileDownloadUrl": "PoolKey ProductType CallId CallTime",
	"GetTotalPublicUrl":          "PartnerKey CallId CallTime CheckSubs",
	"GetSecretAsrDetail":         "PoolKey CallId CallTime",
	"QuerySecretNoDetail":        "PoolKey SecretNo",
	"QuerySecretNoRemain":        "SpecId City SecretNo",
	"LockSecretNo":               "PoolKey SecretNo",
	"UnlockSecretNo":             "PoolKey SecretNo",
	"CreateAxgGroup":             "PoolKey Name Numbers Remark",
	"OperateAxgGroup":            "PoolKey GroupId OperateType Numbers",
	"DeleteAxgGroup":             "PoolKey GroupId",
	"BindBatchAxg":               "PoolKey AxgBindList",
	"QueryTokenForMnsQueue":      "MessageType QueueName",
}

func TestParametersAreTheDocumentedOnes(t *testing.T) {
	t.Parallel()
	for action, s := range samples {
		want := strings.Fields(documented[action])
		slices.Sort(want)
		if diff := cmp.Diff(want, namesOf(dypls.ParametersOf(s.full))); diff != "" {
			t.Errorf("%s, parameters on the wire (-documented +got):\n%s", action, diff)
		}
		var tags []string
		for field := range reflect.TypeOf(s.full).Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			tags = append(tags, name)
		}
		slices.Sort(tags)
		if diff := cmp.Diff(want, tags); diff != "" {
			t.Errorf("%s, names in JSON (-documented +got):\n%s", action, diff)
		}
	}
	if len(samples) != len(documented) {
		t.Errorf("%d samples for %d documented actions", len(samples), len(documented))
	}
}

func namesOf(parameters dypls.Parameters) []string {
	var names []string
	for _, p := range parameters {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

func TestParameters(t *testing.T) {
	t.Parallel()
	p := dypls.ParametersOf(samples["BindAxn"].full)
	if got := p.Value("PhoneNoX"); got != string(numberX) {
		t.Errorf("Value(PhoneNoX) = %q", got)
	}
	if got := p.Value("Nothing"); got != "" {
		t.Errorf("Value of a parameter that is not there = %q", got)
	}
	if got := p.Time("Expiration"); !got.Equal(expiration.Time) {
		t.Errorf("Time(Expiration) = %v, want %v", got, expiration)
	}
	for _, name := range []string{"PoolKey", "Nothing"} {
		if got := p.Time(name); !got.IsZero() {
			t.Errorf("Time(%s), which is none = %v", name, got)
		}
	}
	want := []string{string(numberA), string(numberB), string(numberX)}
	if diff := cmp.Diff(want, p.Personal()); diff != "" {
		t.Errorf("Personal() (-want +got):\n%s", diff)
	}
}

// Lists hold numbers, too, each of which is known as personal, and shown as if it stood alone.
func TestParametersOfLists(t *testing.T) {
	t.Parallel()
	group := dypls.ParametersOf(dypls.CreateAXGGroupRequest{PoolKey: "FC1", Numbers: []dypls.Phone{numberA, "95013"}})
	batch := dypls.ParametersOf(samples["BindBatchAxg"].full)
	for name, test := range map[string]struct {
		parameters dypls.Parameters
		personal   []string
		masked     map[string]string
	}{
		"group": {group, []string{string(numberA), "95013"}, map[string]string{"PoolKey": "FC1", "Numbers": "150****0001,***"}},
		"batch": {
			batch, []string{string(numberA), string(numberB), string(numberX), string(numberB)},
			map[string]string{"PoolKey": "FC1", "AxgBindList": "[[PhoneNoA=150****0001 GroupId=g1 PhoneNoB=158****0002 PhoneNoX=170****0003 " +
				"Expiration=2026-11-22 18:30:00 ExpectCity=北京 IsRecordingEnabled=true OutId=order-42 OutOrderId=o/42 CallRestrict=CONTROL_AX_DISABLE " +
				`CallDisplayType=1 RingConfig={"AXGRing_G":"101"} ASRStatus=true ASRModelId=m1] [PhoneNoA=158****0002 GroupId=g1 Expiration=2026-11-22 18:30:00]]`},
		},
	} {
		if diff := cmp.Diff(test.personal, test.parameters.Personal()); diff != "" {
			t.Errorf("%s: Personal() (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(test.masked, test.parameters.Masked()); diff != "" {
			t.Errorf("%s: Masked() (-want +got):\n%s", name, diff)
		}
	}
	if got := group.Scrub("95013 is not allowed"); got != "*** is not allowed" {
		t.Errorf("a short number of a list is repeated as %q", got)
	}
}

func TestParametersMasked(t *testing.T) {
	t.Parallel()
	want := map[string]string{"PoolKey": "FC1", "PhoneNoA": "150****0001", "Expiration": "2026-11-22 18:30:00"}
	if diff := cmp.Diff(want, dypls.ParametersOf(samples["BindAxn"].minimal).Masked()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A caller's free text may hold numbers of people, as people write them; ids and times stay as they
// are.
func TestParameterMasked_freeText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"13800000000":                          "138****0000",
		"order 138-0000-0001":                  "order 138****0001",
		"138 0000 0001, 139 0000 0002":         "138****0001, 139****0002",
		"１３８０００００００１":                          "１３８****０００１",
		"１３８－００００－０００１":                        "１３８****０００１",
		"+86 (138) 0000-0001":                  "+861****0001",
		"0086-138.0000.0001":                   "008****0001",
		"138%200000%200001":                    "138****0001",
		"138\u200b0000\u200b0001":              "138****0001",
		"13800000001-2":                        "138****0001-2",
		"7-138-0000-0001-2":                    "7-138****0001-2",
		"2026-13800000001":                     "2026-138****0001",
		"订单13800000001号":                       "订单138****0001号",
		"order-42":                             "order-42",
		"202611220000123456789":                "202611220000123456789",
		"913800000001":                         "913800000001",
		"2026-11-22 18:30:00":                  "2026-11-22 18:30:00",
		"13800000-0001-4000-8000-000000000000": "13800000-0001-4000-8000-000000000000",
		"0198abcd-1380-7000-138a-000000000000": "0198abcd-1380-7000-138a-000000000000",
		"1380----0000001":                      "1380----0000001",
		"\xff":                                 "\xff",
	} {
		if got := (dypls.Parameter{Name: "OutId", Value: text}).Masked(); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}

// FuzzParameterMasked: however it is written, and whatever stands around it, a mobile number is not
// shown.
func FuzzParameterMasked(f *testing.F) {
	separators := []string{"", " ", "-", ". ", ") (", "+", "%20", "%2D", "\u200b", "\u00a0", " - ", "－", "·"}
	f.Add("", uint8(0), uint8(11), "")
	f.Add("order ", uint8(2), uint8(4), " of today")
	f.Add("abcde", uint8(2), uint8(3), "-abcd-abcd-abcdefabcdef")
	f.Fuzz(func(t *testing.T, before string, separator, each uint8, after string) {
		if strings.ContainsFunc(before+after, func(r rune) bool { return unicode.IsDigit(r) || r == '%' }) {
			t.Skip("its digits or escapes may belong to the number, which is another one then")
		}
		var groups []string
		for group := range slices.Chunk([]byte("13812345678"), 1+int(each%11)) {
			groups = append(groups, string(group))
		}
		text := before + strings.Join(groups, separators[int(separator)%len(separators)]) + after
		if got := (dypls.Parameter{Name: "OutId", Value: text}).Masked(); spacedRun(got) != "" {
			t.Fatalf("%q shows a number: %q", text, got)
		}
	})
}

// False is said only where it differs from saying nothing.
func TestParametersOfBooleans(t *testing.T) {
	t.Parallel()
	bind := dypls.ParametersOf(dypls.BindAXNRequest{IsRecordingEnabled: false})
	if slices.Contains(namesOf(bind), "IsRecordingEnabled") {
		t.Error("a bind sends a false that is the API's default")
	}
	update := dypls.ParametersOf(dypls.UpdateSubscriptionRequest{IsRecordingEnabled: new(false), ASRStatus: new(false)})
	if update.Value("IsRecordingEnabled") != "false" || update.Value("ASRStatus") != "false" {
		t.Error("an update does not send the false that switches something off")
	}
	if got := dypls.ParametersOf(dypls.UpdateSubscriptionRequest{}); len(got) != 0 {
		t.Errorf("an empty request sends %v", got)
	}
}

// The wire holds whole seconds, so the instant that is kept beside it must not differ from it.
func TestParameterTimeIsWhatTheWireSays(t *testing.T) {
	t.Parallel()
	p := dypls.ParametersOf(dypls.BindAXNRequest{Expiration: dypls.At(time.Unix(1795343400, 999))})
	if got := p.Time("Expiration"); !got.Equal(expiration.Time) {
		t.Errorf("Time = %v, want %v", got, expiration.Time)
	}
}
