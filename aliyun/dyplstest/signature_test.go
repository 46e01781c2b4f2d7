package dyplstest_test

import (
	"net/http"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// awkward are values that a sloppy percent-encoding gets wrong.
const awkward = "a b+c*d~e/f%g&h=i?中文\"'()!,;"

func TestSignaturesAreAccepted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sign   func(unsigned) *http.Request
		method string
		form   bool
		token  string
	}{
		"V3 POST with a query":           {sign: unsigned.v3, method: http.MethodPost},
		"V3 GET":                         {sign: unsigned.v3, method: http.MethodGet},
		"V3 POST with a form":            {sign: unsigned.v3, method: http.MethodPost, form: true},
		"V3 with a security token":       {sign: unsigned.v3, method: http.MethodPost, token: "token/+="},
		"V1 POST with a query":           {sign: unsigned.v1, method: http.MethodPost},
		"V1 GET":                         {sign: unsigned.v1, method: http.MethodGet},
		"V1 POST with a form":            {sign: unsigned.v1, method: http.MethodPost, form: true},
		"V1 GET with a security token":   {sign: unsigned.v1, method: http.MethodGet, token: "token/+="},
		"V1 form with a security token":  {sign: unsigned.v1, method: http.MethodPost, form: true, token: "token/+="},
		"V3 query with a security token": {sign: unsigned.v3, method: http.MethodGet, token: "token/+="},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, dyplstest.Config{SecurityToken: test.token})
			u := newUnsigned("BindAxn", b.axn(params{"OutId": awkward}), b.Now())
			u.method, u.token = test.method, test.token
			if test.form {
				u.query, u.form = params{}, u.query
			}
			a := do(t, b, test.sign(u))
			if a.Status != http.StatusOK || a.Code != dypls.CodeOK || a.SecretBindDTO.SubsId == "" {
				t.Fatalf("answer %d %s", a.Status, a.Body)
			}
			if got := b.Ledger()[0].Parameters["OutId"]; got != awkward {
				t.Errorf("OutId arrived as %q, want %q", got, awkward)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil  func(*unsigned)
		tamper func(*http.Request)
		code   string
		status int
	}{
		"wrong secret":         {spoil: func(u *unsigned) { u.secret = "other" }, code: "SignatureDoesNotMatch", status: 400},
		"unknown key":          {spoil: func(u *unsigned) { u.keyID = "other" }, code: "InvalidAccessKeyId.NotFound", status: 404},
		"unknown action":       {spoil: func(u *unsigned) { u.action = "BindAxz" }, code: "InvalidAction.NotFound", status: 404},
		"action in other case": {spoil: func(u *unsigned) { u.action = "bindaxn" }, code: "InvalidAction.NotFound", status: 404},
		"unknown version":      {spoil: func(u *unsigned) { u.version = "2017-05-26" }, code: "InvalidVersion", status: 400},
		"unexpected token":     {spoil: func(u *unsigned) { u.token = "t" }, code: "InvalidSecurityToken.MalFormed", status: 400},
		"malformed date":       {spoil: func(u *unsigned) { u.date = "2026-11-22 06:50:42" }, code: "InvalidTimeStamp.Format", status: 400},
		"old date":             {spoil: func(u *unsigned) { u.date = "2026-11-22T06:35:41Z" }, code: "InvalidTimeStamp.Expired", status: 400},
		"date ahead":           {spoil: func(u *unsigned) { u.date = "2026-11-22T07:05:43Z" }, code: "InvalidTimeStamp.Expired", status: 400},
		"other method":         {spoil: func(u *unsigned) { u.method = http.MethodPut }, code: "UnsupportedHTTPMethod", status: 400},
		"other path":           {spoil: func(u *unsigned) { u.target += "api" }, code: "InvalidApi.NotFound", status: 404},
		"another parameter": {tamper: func(r *http.Request) { r.URL.RawQuery += "&PhoneNoB=15000000009" },
			code: "SignatureDoesNotMatch", status: 400},
		"a parameter twice": {tamper: func(r *http.Request) { r.URL.RawQuery += "&PhoneNoA=15000000009" },
			code: "InvalidParameter", status: 400},
	}
	for name, test := range tests {
		for protocol, sign := range map[string]func(unsigned) *http.Request{"V3": unsigned.v3, "V1": unsigned.v1} {
			t.Run(name+" "+protocol, func(t *testing.T) {
				t.Parallel()
				b := setup(t, dyplstest.Config{})
				u := newUnsigned("BindAxn", b.axn(nil), b.Now())
				if test.spoil != nil {
					test.spoil(&u)
				}
				r := sign(u)
				if test.tamper != nil {
					test.tamper(r)
				}
				wantRefusal(t, do(t, b, r), test.code, test.status)
				if entries := b.Ledger(); len(entries) > 0 {
					t.Errorf("the ledger has %d entries of a call that was not authenticated", len(entries))
				}
			})
		}
	}
}

// wantRefusal checks a refusal's code, status and the shape that the gateway gives it.
func wantRefusal(t *testing.T, a answer, code string, status int) {
	t.Helper()
	if a.Code != code || a.Status != status {
		t.Fatalf("answer %d %s, want %d %s", a.Status, a.Body, status, code)
	}
	if a.HostId != "dyplsapi.aliyuncs.com" || a.Recommend == "" || a.RequestId == "" || a.Message == "" {
		t.Errorf("answer %s is not in the gateway's shape", a.Body)
	}
}

func TestRefusalsOfV3Alone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		tamper func(*http.Request)
		code   string
	}{
		"body differs from its hash": {func(r *http.Request) {
			r.Header.Set("X-Acs-Content-Sha256", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b856")
		}, "SignatureDoesNotMatch"},
		"action exchanged":  {func(r *http.Request) { r.Header.Set("X-Acs-Action", "BindAxb") }, "SignatureDoesNotMatch"},
		"host exchanged":    {func(r *http.Request) { r.Host = "other.test" }, "SignatureDoesNotMatch"},
		"date removed":      {func(r *http.Request) { r.Header.Del("X-Acs-Date") }, "MissingHeader"},
		"token not signed":  {func(r *http.Request) { r.Header.Set("X-Acs-Security-Token", "t") }, "IncompleteSignature"},
		"nothing signed":    {func(r *http.Request) { r.Header.Set("Authorization", "ACS3-HMAC-SHA256 Credential=a") }, "IncompleteSignature"},
		"another algorithm": {func(r *http.Request) { r.Header.Set("Authorization", "ACS3-RSA-SHA256 Credential=a") }, "InvalidSignatureMethod"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, dyplstest.Config{})
			u := newUnsigned("BindAxn", params{}, b.Now())
			u.form = b.axn(nil)
			r := u.v3()
			test.tamper(r)
			wantRefusal(t, do(t, b, r), test.code, 400)
		})
	}
}

func TestRefusalsOfV1Alone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		more params
		code string
	}{
		"no nonce":        {params{"SignatureNonce": ""}, "MissingSignatureNonce"},
		"no action":       {params{"Action": ""}, "MissingAction"},
		"another method":  {params{"SignatureMethod": "HMAC-SHA256"}, "InvalidSignatureMethod"},
		"another version": {params{"SignatureVersion": "2.0"}, "InvalidSignatureVersion"},
		"XML":             {params{"Format": "XML"}, "InvalidFormat"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, dyplstest.Config{})
			r := newUnsigned("BindAxn", b.axn(nil), b.Now()).v1()
			query := params{}
			for name, values := range r.URL.Query() {
				query[name] = values[0]
			}
			r.URL.RawQuery = encode(query.with(test.more))
			wantRefusal(t, do(t, b, r), test.code, 400)
		})
	}
}

func TestSkewWithinBounds(t *testing.T) {
	t.Parallel()
	b := setup(t, dyplstest.Config{})
	for _, date := range []string{"2026-11-22T06:35:42Z", "2026-11-22T07:05:42Z"} {
		u := newUnsigned("QuerySubsId", params{"PhoneNoX": "17000000000"}, b.Now())
		u.date = date
		if a := do(t, b, u.v3()); a.Code != dypls.CodeOK {
			t.Errorf("date %s: %s", date, a.Body)
		}
	}
}

func TestSecurityTokenMustMatch(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]string{"none": "", "another": "stale"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, dyplstest.Config{SecurityToken: "fresh"})
			u := newUnsigned("BindAxn", b.axn(nil), b.Now())
			u.token = token
			wantRefusal(t, do(t, b, u.v3()), "InvalidSecurityToken.MalFormed", 400)
			wantRefusal(t, do(t, b, u.v1()), "InvalidSecurityToken.MalFormed", 400)
		})
	}
}
