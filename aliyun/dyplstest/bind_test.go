package dyplstest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

const (
	x0, x1   = "17000000000", "17000000001"
	otherX   = "17100000000"
	otherKey = "FC100000000002"
)

// twoPools is an account with a small pool of all kinds, and one for AXB alone.
func twoPools() dyplstest.Config {
	return dyplstest.Config{Pools: []dyplstest.Pool{
		{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 2), Groups: map[string][]dypls.Phone{"7": {"15000000009"}, "8": {}}},
		{Key: otherKey, Numbers: dyplstest.Numbers("171", 1), Actions: []string{"BindAxb"}},
	}}
}

// step is one call and the code it must get.
type step struct {
	action string
	more   params
	code   string
}

func TestBindingRules(t *testing.T) {
	t.Parallel()
	tests := map[string][]step{
		"AXN X is exclusive": {
			{"BindAxn", params{"PhoneNoX": x0}, "OK"},
			{"BindAxn", params{"PhoneNoX": x0}, "isv.BIND_CONFLICT"},
			{"BindAxn", params{"PhoneNoX": x0, "PhoneNoA": "15000000005"}, "isv.BIND_CONFLICT"},
			{"BindAxb", params{"PhoneNoX": x0, "PhoneNoB": "15000000006", "PhoneNoA": "15000000005"}, "isv.BIND_CONFLICT"},
			{"BindAxnExtension", params{"PhoneNoX": x0, "Extension": "1"}, "isv.BIND_CONFLICT"},
			{"BindAxg", params{"PhoneNoX": x0, "GroupId": "7"}, "isv.BIND_CONFLICT"},
		},
		"AXN without X consumes one each time": {
			{"BindAxn", nil, "OK"},
			{"BindAxn", nil, "OK"},
			{"BindAxn", nil, "isv.NO_AVAILABLE_NUMBER"},
		},
		"AXB no A or B twice on an X": {
			{"BindAxb", params{"PhoneNoX": x0, "PhoneNoB": "15000000002"}, "OK"},
			{"BindAxb", params{"PhoneNoX": x0, "PhoneNoB": "15000000002"}, "isv.BIND_CONFLICT"},
			{"BindAxb", params{"PhoneNoX": x0, "PhoneNoB": "15000000003"}, "isv.BIND_CONFLICT"},
			{"BindAxb", params{"PhoneNoX": x0, "PhoneNoA": "15000000003", "PhoneNoB": "15000000001"}, "isv.BIND_CONFLICT"},
			{"BindAxb", params{"PhoneNoX": x0, "PhoneNoA": "15000000002", "PhoneNoB": "15000000004"}, "isv.BIND_CONFLICT"},
			{"BindAxb", params{"PhoneNoX": x0, "PhoneNoA": "15000000003", "PhoneNoB": "15000000004"}, "OK"},
			{"BindAxb", params{"PhoneNoX": x1, "PhoneNoB": "15000000002"}, "OK"},
			{"BindAxn", params{"PhoneNoX": x0, "PhoneNoA": "15000000005"}, "isv.BIND_CONFLICT"},
		},
		"AXB without X takes another X for the same pair, until none is left": {
			{"BindAxb", params{"PhoneNoB": "15000000002"}, "OK"},
			{"BindAxb", params{"PhoneNoB": "15000000002"}, "OK"},
			{"BindAxb", params{"PhoneNoB": "15000000002"}, "isv.NO_AVAILABLE_NUMBER"},
			{"BindAxb", params{"PhoneNoA": "15000000003", "PhoneNoB": "15000000004"}, "OK"},
		},
		"AXB of one number with itself": {{"BindAxb", params{"PhoneNoB": "15000000001"}, "isv.BIND_CONFLICT"}},
		"extensions share an X": {
			{"BindAxnExtension", params{"PhoneNoX": x0, "Extension": "801"}, "OK"},
			{"BindAxnExtension", params{"PhoneNoX": x0, "Extension": "801", "PhoneNoA": "15000000003"}, "isv.BIND_CONFLICT"},
			{"BindAxnExtension", params{"PhoneNoX": x0, "Extension": "1"}, "OK"},
			{"BindAxnExtension", params{"PhoneNoX": x0}, "OK"},
			{"BindAxnExtension", nil, "OK"},
			{"BindAxnExtension", params{"PhoneNoX": x0, "Extension": "1234"}, "isv.ILLEGAL_ARGUMENT"},
			{"BindAxnExtension", params{"PhoneNoX": x0, "Extension": "1a"}, "isv.ILLEGAL_ARGUMENT"},
			{"BindAxnExtension", params{"Extension": "2"}, "isv.ILLEGAL_ARGUMENT"},
		},
		"AXG group must exist and have members": {
			{"BindAxg", params{"GroupId": "9"}, "isv.ILLEGAL_ARGUMENT"},
			{"BindAxg", params{"GroupId": "8"}, "isv.ILLEGAL_ARGUMENT"},
			{"BindAxg", params{"GroupId": "7", "PhoneNoX": x0}, "OK"},
			{"BindAxg", params{"GroupId": "7", "PhoneNoX": x0, "PhoneNoA": "15000000003"}, "isv.BIND_CONFLICT"},
			{"BindAxg", nil, "MissingGroupId"},
		},
		"pools": {
			{"BindAxn", params{"PoolKey": "FC9"}, "isv.POOLKEY_NOT_EXISTS"},
			{"BindAxn", params{"PoolKey": ""}, "isv.ILLEGAL_ARGUMENT"},
			{"BindAxn", params{"PhoneNoX": otherX}, "isv.FORBIDDEN_ACTION"},
			{"BindAxn", params{"PhoneNoX": "17200000000"}, "isv.NO_NOT_EXIST"},
			{"BindAxn", params{"PoolKey": otherKey}, "isv.FORBIDDEN_ACTION"},
			{"BindAxb", params{"PoolKey": otherKey, "PhoneNoB": "15000000002"}, "OK"},
		},
		"checked by the gateway": {
			{"BindAxn", params{"PhoneNoA": ""}, "MissingPhoneNoA"},
			{"BindAxn", params{"Expiration": ""}, "MissingExpiration"},
			{"BindAxn", params{"IsRecordingEnabled": "yes"}, "InvalidIsRecordingEnabled"},
			{"BindAxn", params{"CallTimeout": "4"}, "InvalidCallTimeout"},
			{"BindAxn", params{"CallTimeout": "soon"}, "InvalidCallTimeout"},
		},
		"checked by the service": {
			{"BindAxn", params{"PhoneNoA": "150 0000 0001"}, "isv.MOBILE_NUMBER_ILLEGAL"},
			{"BindAxn", params{"PhoneNoA": "+8615000000001"}, "isv.MOBILE_NUMBER_ILLEGAL"},
			{"BindAxn", params{"PhoneNoA": "95188"}, "isv.MOBILE_NUMBER_ILLEGAL"},
			{"BindAxn", params{"PhoneNoB": "12"}, "isv.MOBILE_NUMBER_ILLEGAL"},
			{"BindAxn", params{"PhoneNoX": "x"}, "isv.MOBILE_NUMBER_ILLEGAL"},
			{"BindAxb", nil, "isv.ILLEGAL_ARGUMENT"},
			{"BindAxn", params{"Expiration": "1795327842"}, "isv.EXPIRE_DATE_ILLEGAL"},
			// 60 s ahead, to the second
			{"BindAxn", params{"Expiration": "2026-11-22 14:51:42"}, "isv.EXPIRE_DATE_ILLEGAL"},
			{"BindAxn", params{"CallRestrict": "NONE"}, "isv.ILLEGAL_ARGUMENT"},
			{"BindAxn", params{"CallDisplayType": "2"}, "isv.ILLEGAL_ARGUMENT"},
			{"BindAxn", params{"RingConfig": "{"}, "isv.INVALID_PARAMETERS"},
			{"BindAxn", params{"Expiration": "2026-11-22 14:51:43", "PhoneNoA": "057188888888", "PhoneNoB": "95188"}, "OK"},
			{"BindAxn", params{"Expiration": "2099-1-31 23:59:59"}, "OK"}, // unpadded, as seen in the field
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, twoPools())
			for i, s := range steps {
				if a := b.call(s.action, b.axn(s.more)); a.Code != s.code {
					t.Fatalf("step %d, %s: %s, want %s", i, s.action, a.Body, s.code)
				}
			}
		})
	}
}

func TestShapesOfErrors(t *testing.T) {
	t.Parallel()
	b := setup(t, twoPools())
	wantRefusal(t, b.call("BindAxn", b.axn(params{"PhoneNoA": ""})), "MissingPhoneNoA", 400)
	wantRefusal(t, b.call("QuerySubsId", params{"PoolKey": "FC9", "PhoneNoX": x0}), "POOLKEY_NOT_EXIST", 400)
	a := b.call("BindAxn", b.axn(params{"Expiration": "2026-11-22 14:50:00"}))
	want := `{"RequestId":"` + a.RequestId + `","Message":"expireDate less than 1 minutes from now","Code":"isv.EXPIRE_DATE_ILLEGAL","SecretBindDTO":{}}`
	if a.Status != 200 || a.Body != want {
		t.Errorf("business error: %d %s, want 200 %s", a.Status, a.Body, want)
	}
}

func TestAnswersOfBinds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		action    string
		more      params
		extension string
	}{
		"AXN holds an epoch of 13 digits": {"BindAxn", nil, "1795330242000"},
		"AXN holds B":                     {"BindAxn", params{"PhoneNoB": "15000000002"}, "15000000002"},
		"AXB holds the real A":            {"BindAxb", params{"PhoneNoB": "15000000002"}, "15000000001"},
		"AXG holds the group":             {"BindAxg", params{"GroupId": "7"}, "7"},
		"extension holds the extension":   {"BindAxnExtension", params{"PhoneNoX": x0, "Extension": "42"}, "42"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, twoPools())
			dto := b.want("OK", test.action, b.axn(test.more)).SecretBindDTO
			if dto.Extension != test.extension {
				t.Errorf("Extension %q, want %q", dto.Extension, test.extension)
			}
			if len(dto.SubsId) != 16 || len(dto.SecretNo) != 11 {
				t.Errorf("SubsId %q, SecretNo %q", dto.SubsId, dto.SecretNo)
			}
		})
	}
}

func TestAnXServes200Pairs(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 1)}}})
	a, c := dyplstest.Numbers("150", 201), dyplstest.Numbers("151", 201)
	var first answer
	for i := range 200 {
		made := b.want("OK", "BindAxb", b.pair(params{"PhoneNoA": string(a[i]), "PhoneNoB": string(c[i])}))
		if i == 0 {
			first = made
		}
	}
	last := b.pair(params{"PhoneNoA": string(a[200]), "PhoneNoB": string(c[200])})
	b.want("isv.NO_AVAILABLE_NUMBER", "BindAxb", last)
	b.want("isv.BIND_CONFLICT", "BindAxb", last.with(params{"PhoneNoX": x0}))
	b.want("OK", "UnbindSubscription", params{"PoolKey": dyplstest.DefaultPoolKey, "SubsId": first.SecretBindDTO.SubsId, "SecretNo": x0})
	b.want("OK", "BindAxb", last)
}

func TestAllExtensionsOfAnX(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{Pools: []dyplstest.Pool{{Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 1)}}})
	seen := map[string]bool{}
	for range 900 {
		extension := b.want("OK", "BindAxnExtension", b.axn(nil)).SecretBindDTO.Extension
		if seen[extension] || len(extension) != 3 {
			t.Fatalf("extension %q was handed out again, or has not three digits", extension)
		}
		seen[extension] = true
	}
	b.want("isv.NO_AVAILABLE_NUMBER", "BindAxnExtension", b.axn(nil))
}

func TestExpectCity(t *testing.T) {
	t.Parallel()
	for name, strict := range map[string]bool{"strict": true, "lenient": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, dyplstest.Config{Pools: []dyplstest.Pool{{
				Key: dyplstest.DefaultPoolKey, Numbers: dyplstest.Numbers("170", 20), StrictCity: strict,
				Cities: map[dypls.Phone]string{"17000000003": "北京", "17000000008": "北京"},
			}}})
			got := map[string]bool{}
			for range 2 {
				got[b.want("OK", "BindAxn", b.axn(params{"ExpectCity": "北京"})).SecretBindDTO.SecretNo] = true
			}
			if !got["17000000003"] || !got["17000000008"] {
				t.Errorf("numbers %v are not those of the city", got)
			}
			want := "OK"
			if strict {
				want = "isv.NO_AVAILABLE_NUMBER"
			}
			b.want(want, "BindAxn", b.axn(params{"ExpectCity": "北京"}))
			b.want(want, "BindAxn", b.axn(params{"ExpectCity": "上海"}))
			b.want("OK", "BindAxn", b.axn(nil))
		})
	}
}

func TestSeedRepeatsTheChoice(t *testing.T) {
	t.Parallel()
	choose := func(seed uint64) string {
		b := setup(t, dyplstest.Config{Seed: seed})
		text := ""
		for range 10 {
			dto := b.want("OK", "BindAxn", b.axn(nil)).SecretBindDTO
			text += fmt.Sprint(dto.SubsId, dto.SecretNo, " ")
		}
		return text
	}
	one, again, other := choose(1), choose(1), choose(2)
	if one != again || one == other {
		t.Error("the same seed must choose the same numbers, another seed others")
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	b := setup(t, twoPools())
	subs := b.want("OK", "BindAxn", b.axn(params{"PhoneNoX": x0})).SecretBindDTO.SubsId
	detail := params{"PoolKey": dyplstest.DefaultPoolKey, "SubsId": subs, "PhoneNoX": x0}
	unbinding := params{"PoolKey": dyplstest.DefaultPoolKey, "SubsId": subs, "SecretNo": x0}
	b.advance(time.Hour - time.Second)
	if got := b.want("OK", "QuerySubscriptionDetail", detail).SecretBindDetailDTO.Status; got != dypls.SubscriptionActive {
		t.Errorf("Status %d a second before it expires", got)
	}
	b.advance(time.Second)
	if got := b.want("OK", "QuerySubscriptionDetail", detail).SecretBindDetailDTO.Status; got != dypls.SubscriptionExpired {
		t.Errorf("Status %d at its expiry", got)
	}
	if got := b.want("OK", "QuerySubsId", detail).SubsId; got != "" {
		t.Errorf("QuerySubsId lists the expired %q", got)
	}
	for operation, more := range map[string]params{
		dypls.UpdateExpire: {"Expiration": b.in(time.Hour)}, dypls.UpdateNoA: {"PhoneNoA": "15000000003"}, dypls.UpdateNoB: {"PhoneNoB": "15000000003"},
	} {
		b.want("isv.FORBIDDEN_ACTION", "UpdateSubscription", detail.with(more).with(params{"OperateType": operation}))
	}
	b.want("isv.SUBS_NOT_EXIST", "UnbindSubscription", unbinding)
	b.want("OK", "BindAxn", b.axn(params{"PhoneNoX": x0}))
	b.advance(25 * time.Hour)
	b.want("isv.SUBS_NOT_EXIST", "QuerySubscriptionDetail", detail)
}
