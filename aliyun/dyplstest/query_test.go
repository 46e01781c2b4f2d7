package dyplstest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

func TestUnbind(t *testing.T) {
	t.Parallel()
	for name, legacy := range map[string]bool{"today": false, "legacy": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := twoPools()
			config.LegacyUnbind = legacy
			b := setup(t, config)
			unbinding := params{"PoolKey": dyplstest.DefaultPoolKey, "SecretNo": x0}
			unbinding["SubsId"] = b.want("OK", "BindAxn", b.axn(params{"PhoneNoX": x0})).SecretBindDTO.SubsId
			gone, message := "isv.SUBS_NOT_EXIST", "isv.SUBS_NOT_EXIST"
			if legacy {
				gone, message = "isv.ILLEGAL_ARGUMENT", "subs not exist"
			}
			b.want(gone, "UnbindSubscription", unbinding.with(params{"SecretNo": x1}))
			b.want("isv.FORBIDDEN_ACTION", "UnbindSubscription", unbinding.with(params{"SecretNo": otherX}))
			b.want("isv.NO_NOT_EXIST", "UnbindSubscription", unbinding.with(params{"SecretNo": "17200000000"}))
			b.want("isv.POOLKEY_NOT_EXISTS", "UnbindSubscription", unbinding.with(params{"PoolKey": "FC9"}))
			b.want("isv.MOBILE_NUMBER_ILLEGAL", "UnbindSubscription", unbinding.with(params{"SecretNo": "x"}))
			b.want("MissingSecretNo", "UnbindSubscription", unbinding.with(params{"SecretNo": ""}))
			if got := b.want("OK", "UnbindSubscription", unbinding).ChargeId; got != "true" {
				t.Errorf("ChargeId %q", got)
			}
			if got := b.want(gone, "UnbindSubscription", unbinding).Message; got != message {
				t.Errorf("Message %q, want %q", got, message)
			}
			b.want("OK", "BindAxn", b.axn(params{"PhoneNoX": x0}))
		})
	}
}

func TestQuerySubscriptionDetail(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{})
	made := b.want("OK", "BindAxb", b.pair(params{
		"IsRecordingEnabled": "true", "ASRStatus": "true", "ASRModelId": "m", "CallRestrict": dypls.ControlBXDisable, "OutId": "o",
	})).SecretBindDTO
	a := b.want("OK", "QuerySubscriptionDetail", params{"PoolKey": dyplstest.DefaultPoolKey, "SubsId": made.SubsId, "PhoneNoX": made.SecretNo})
	want := `{"RequestId":"` + a.RequestId + `","Message":"OK","Code":"OK","SecretBindDetailDTO":{"SubsId":"` + made.SubsId +
		`","PhoneNoA":"15000000001","PhoneNoB":"15000000002","PhoneNoX":"` + made.SecretNo +
		`","Status":1,"ExpireDate":"2026-11-22 15:50:42","GmtCreate":"2026-11-22 14:50:42","NeedRecord":true,"ASRStatus":true,` +
		`"ASRModelId":"m","CallRestrict":"CONTROL_BX_DISABLE"}}`
	if a.Body != want {
		t.Errorf("answer\n%s, want\n%s", a.Body, want)
	}
}

func TestQuerySubsID(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{ListDelay: time.Second})
	query := params{"PoolKey": dyplstest.DefaultPoolKey, "PhoneNoX": x0}
	if a := b.want("OK", "QuerySubsId", query); !strings.Contains(a.Body, `"SubsId":""`) {
		t.Errorf("answer for an X without bindings: %s", a.Body)
	}
	first := b.want("OK", "BindAxnExtension", b.axn(params{"PhoneNoX": x0})).SecretBindDTO.SubsId
	b.advance(time.Second)
	second := b.want("OK", "BindAxnExtension", b.axn(params{"PhoneNoX": x0})).SecretBindDTO.SubsId
	if got := b.want("OK", "QuerySubsId", query).SubsId; got != first {
		t.Errorf("listed %q, want %q alone: the other is too new", got, first)
	}
	b.advance(time.Second)
	if got := b.want("OK", "QuerySubsId", query).SubsId; got != first+","+second {
		t.Errorf("listed %q, want %q and %q", got, first, second)
	}
}

func TestRecordings(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config dyplstest.Recordings
		age    time.Duration
		more   params
		code   string
		link   bool
	}{
		"any call":               {code: "OK", link: true},
		"not ready":              {config: dyplstest.Recordings{ReadyAfter: time.Minute}, age: 59 * time.Second, code: "OK"},
		"ready":                  {config: dyplstest.Recordings{ReadyAfter: time.Minute}, age: time.Minute, code: "OK", link: true},
		"kept":                   {age: 30 * 24 * time.Hour, code: "OK", link: true},
		"not kept":               {age: 30*24*time.Hour + time.Second, code: "isv.ILLEGAL_ARGUMENT"},
		"known":                  {config: dyplstest.Recordings{CallIDs: []string{"c1"}}, code: "OK", link: true},
		"unknown":                {config: dyplstest.Recordings{CallIDs: []string{"c2"}}, code: "isv.ILLEGAL_ARGUMENT"},
		"epoch":                  {more: params{"CallTime": "1629893489000"}, code: "isv.ILLEGAL_ARGUMENT"},
		"no time":                {more: params{"CallTime": ""}, code: "isv.ILLEGAL_ARGUMENT"},
		"no call":                {more: params{"CallId": ""}, code: "MissingCallId"},
		"long call":              {more: params{"CallId": strings.Repeat("c", 101)}, code: "isv.ILLEGAL_ARGUMENT"},
		"neither pool":           {more: params{"PoolKey": ""}, code: "isv.ILLEGAL_ARGUMENT"},
		"product for the pool":   {more: params{"PoolKey": "", "ProductType": "AXN_170"}, code: "OK", link: true},
		"unknown product":        {more: params{"PoolKey": "", "ProductType": "AXN_171"}, code: "isv.ILLEGAL_ARGUMENT"},
		"unknown pool":           {more: params{"PoolKey": "FC9"}, code: "isv.POOLKEY_NOT_EXISTS"},
		"a call with a slash in": {more: params{"CallId": "a/b?c"}, code: "OK", link: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, dyplstest.Config{Recordings: test.config})
			query := params{"PoolKey": dyplstest.DefaultPoolKey, "CallId": "c1", "CallTime": b.in(-test.age)}.with(test.more)
			a := b.want(test.code, "QueryRecordFileDownloadUrl", query)
			if (a.DownloadUrl != "") != test.link {
				t.Fatalf("answer %s", a.Body)
			}
			if want := b.Now().Add(2 * time.Hour); test.link && !dypls.SignedURL(a.DownloadUrl).ExpiresAt().Equal(want) {
				t.Errorf("link %s does not expire at %s", a.DownloadUrl, want)
			}
			if a.Status != http.StatusOK && !strings.HasPrefix(test.code, "Missing") {
				t.Errorf("status %d", a.Status)
			}
		})
	}
}
