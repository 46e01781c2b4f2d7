package dyplstest_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// Whatever refuses a bind, its answer has the one shape: the service's with an empty SecretBindDTO.
func TestRefusedBindsHaveOneShape(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]dyplstest.Config{
		"service":     {},
		"fault":       {Faults: []dyplstest.Fault{{Code: "isv.BIND_CONFLICT"}}},
		"fault after": {Faults: []dyplstest.Fault{{Code: "isp.SYSTEM_ERROR", Do: dyplstest.AnswerCodeAfter}}},
		"quota":       {Quotas: map[string]int{"BindAxn": 1, "BindAxb": 1, "BindAxnExtension": 1, "BindAxg": 1, "QuerySubsId": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, config)
			for _, action := range []string{"BindAxn", "BindAxb", "BindAxnExtension", "BindAxg"} {
				request := b.axn(params{"Expiration": b.in(0), "GroupId": "7", "PhoneNoB": "15000000002"})
				a := b.call(action, request)
				if name == "quota" { // the first was within it
					a = b.call(action, request)
				}
				if a.Status != http.StatusOK || a.Code == dypls.CodeOK || !strings.HasSuffix(a.Body, `,"SecretBindDTO":{}}`) {
					t.Errorf("%s is answered with %d %s", action, a.Status, a.Body)
				}
			}
			for range 2 {
				if a := b.call("QuerySubsId", params{"PhoneNoX": "17000000099"}); strings.Contains(a.Body, "SecretBindDTO") {
					t.Errorf("a query is answered with %s", a.Body)
				}
			}
		})
	}
}

// What the API has and the simulator lacks is told by a word of its own, and what nobody has by the
// gateway's.
func TestActionsThatAreNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{})
	for action, want := range map[string]struct {
		code   string
		status int
	}{
		"BuySecretNo":     {dyplstest.NotSimulated, http.StatusBadRequest},
		"QueryCallStatus": {dyplstest.NotSimulated, http.StatusBadRequest},
		"BindAxb700":      {dyplstest.NotSimulated, http.StatusBadRequest},
		"BindAxz":         {"InvalidAction.NotFound", http.StatusNotFound},
		"SendSms":         {"InvalidAction.NotFound", http.StatusNotFound},
	} {
		wantRefusal(t, do(t, b, newUnsigned(action, params{}, b.Now()).v3()), want.code, want.status)
		wantRefusal(t, do(t, b, newUnsigned(action, params{}, b.Now()).v1()), want.code, want.status)
	}
	for _, action := range dyplstest.Actions() {
		if a := b.call(action, params{}); a.Code == dyplstest.NotSimulated || strings.Contains(a.Code, "NotFound") {
			t.Errorf("%s, which is simulated, is answered with %s", action, a.Code)
		}
	}
	if class := dypls.Classify(dyplstest.NotSimulated, http.StatusBadRequest, true); class != dypls.Rejected {
		t.Errorf("the simulator's own word is %s to a client", class)
	}
}

// A V3 request that lacks its signature is told so, and not that it lacks what V1 would need.
func TestRequestWithoutAuthorization(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{})
	r := newUnsigned("BindAxn", b.axn(nil), b.Now()).v3()
	r.Header.Del("Authorization")
	wantRefusal(t, do(t, b, r), "MissingAccessKeyId", http.StatusBadRequest)

	r = newUnsigned("BindAxn", b.axn(nil), b.Now()).v1()
	r.Header.Set("X-Acs-Action", "BindAxn") // as official V1 clients do
	if a := do(t, b, r); a.Code != dypls.CodeOK {
		t.Errorf("a V1 request with V3's header is answered with %s", a.Code)
	}
}

// A throttling gateway tells when to come back in each of the headers that official runtimes read,
// the same time in all.
func TestThrottlingHeaders(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]dyplstest.Config{
		"quota": {Quotas: map[string]int{"BindAxn": 1}, QuotaCode: "Throttling.User"},
		"fault": {Faults: []dyplstest.Fault{{Code: "Throttling.Api"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, config)
			b.advance(400 * time.Millisecond)
			b.call("BindAxn", b.axn(nil))
			a := b.call("BindAxn", b.axn(nil))
			if got := a.Header.Get("X-Acs-Retry-After"); got != strconv.Itoa(600) {
				t.Errorf("x-acs-retry-after %q", got)
			}
			for _, header := range []string{"X-Ratelimit-User-Api", "X-Ratelimit-User"} {
				if got := a.Header.Get(header); !strings.Contains(got, "TimeLeft:600,") {
					t.Errorf("%s %q", header, got)
				}
			}
			if !json.Valid([]byte(a.Body)) || !strings.Contains(a.Body, "HostId") {
				t.Errorf("answer %s", a.Body)
			}
		})
	}
}
