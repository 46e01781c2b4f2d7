package dyplstest_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// params are parameters of an action.
type params map[string]string

// with returns a copy with more of them; "" removes one.
func (p params) with(more params) params {
	all := maps.Clone(p)
	maps.Copy(all, more)
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

var serial atomic.Int64

func newNonce() string { return "nonce-" + strconv.FormatInt(serial.Add(1), 10) }

// unsigned is a request that is still to be signed, in whichever protocol. It is written from the
// documented algorithms, apart from the code under test.
type unsigned struct {
	method             string
	action             string
	version            string
	query, form        params
	keyID, secret      string
	token, nonce, date string
	target             string
}

func newUnsigned(action string, query params, now time.Time) unsigned {
	return unsigned{
		method: http.MethodPost, action: action, version: "2017-05-25", query: query, target: "http://sim.test/",
		keyID: dyplstest.DefaultAccessKeyID, secret: dyplstest.DefaultAccessKeySecret,
		nonce: newNonce(), date: now.UTC().Format("2006-01-02T15:04:05Z"),
	}
}

// percent is the encoding that Alibaba's pages derive from form encoding by three replacements.
func percent(s string) string {
	return strings.NewReplacer("+", "%20", "*", "%2A", "%7E", "~").Replace(url.QueryEscape(s))
}

func encode(p params) string {
	pairs := make([]string, 0, len(p))
	for _, name := range slices.Sorted(maps.Keys(p)) {
		pairs = append(pairs, percent(name)+"="+percent(p[name]))
	}
	return strings.Join(pairs, "&")
}

// v3 signs with ACS3-HMAC-SHA256.
func (u unsigned) v3() *http.Request {
	body := encode(u.form)
	r := httptest.NewRequest(u.method, u.target+"?"+encode(u.query), strings.NewReader(body))
	r.RequestURI = ""
	digest := sha256.Sum256([]byte(body))
	headers := params{
		"host": r.Host, "x-acs-action": u.action, "x-acs-version": u.version, "x-acs-date": u.date,
		"x-acs-signature-nonce": u.nonce, "x-acs-content-sha256": hex.EncodeToString(digest[:]),
	}
	if u.token != "" {
		headers["x-acs-security-token"] = u.token
	}
	if body != "" {
		headers["content-type"] = "application/x-www-form-urlencoded"
	}
	names := slices.Sorted(maps.Keys(headers))
	canonical := u.method + "\n/\n" + encode(u.query) + "\n"
	for _, name := range names {
		canonical += name + ":" + headers[name] + "\n"
		if name != "host" {
			r.Header.Set(name, headers[name])
		}
	}
	canonical += "\n" + strings.Join(names, ";") + "\n" + headers["x-acs-content-sha256"]
	hashed := sha256.Sum256([]byte(canonical))
	mac := hmac.New(sha256.New, []byte(u.secret))
	_, _ = io.WriteString(mac, "ACS3-HMAC-SHA256\n"+hex.EncodeToString(hashed[:]))
	r.Header.Set("Authorization", "ACS3-HMAC-SHA256 Credential="+u.keyID+",SignedHeaders="+strings.Join(names, ";")+
		",Signature="+hex.EncodeToString(mac.Sum(nil)))
	return r
}

// v1 signs with HMAC-SHA1.
func (u unsigned) v1() *http.Request {
	query := u.query.with(params{
		"Action": u.action, "Version": u.version, "Format": "JSON", "RegionId": "cn-hangzhou", "AccessKeyId": u.keyID, "Timestamp": u.date,
		"SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0", "SignatureNonce": u.nonce, "SecurityToken": u.token,
	})
	mac := hmac.New(sha1.New, []byte(u.secret+"&"))
	_, _ = io.WriteString(mac, u.method+"&%2F&"+percent(encode(query.with(u.form))))
	query["Signature"] = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	r := httptest.NewRequest(u.method, u.target+"?"+encode(query), strings.NewReader(encode(u.form)))
	r.RequestURI = ""
	if len(u.form) > 0 {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// answer is what came back, under the API's own names.
type answer struct {
	Status                                   int
	Header                                   http.Header
	Body                                     string
	Code, Message, RequestId, HostId, SubsId string                                       //nolint:revive // JSON finds them by these names
	Recommend, DownloadUrl, ChargeId         string                                       //nolint:revive // as above
	SecretBindDTO                            struct{ SubsId, SecretNo, Extension string } //nolint:revive // as above
	SecretBindDetailDTO                      dypls.SubscriptionDetail
}

// do sends a request to a handler, without a network.
func do(t *testing.T, sim http.Handler, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	sim.ServeHTTP(w, r)
	a := answer{Status: w.Code, Header: w.Header(), Body: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil && w.Body.Len() > 0 && w.Body.Bytes()[0] == '{' {
		t.Fatalf("answer %s: %v", a.Body, err)
	}
	return a
}

// clock is a clock that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 22, 6, 50, 42, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// in returns the API's time that long from now.
func (c *clock) in(d time.Duration) string { return dypls.At(c.Now().Add(d)).String() }

// bench is a simulator with a clock of its own.
type bench struct {
	*dyplstest.Simulator
	*clock
	t *testing.T
}

func setup(t *testing.T, c dyplstest.Config) bench {
	t.Helper()
	clock := newClock()
	if c.Now == nil {
		c.Now = clock.Now
	}
	sim, err := dyplstest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return bench{sim, clock, t}
}

// call makes a call that is signed as it should be.
func (b bench) call(action string, p params) answer {
	b.t.Helper()
	return do(b.t, b, newUnsigned(action, p, b.Now()).v3())
}

// want makes a call that must get this code.
func (b bench) want(code, action string, p params) answer {
	b.t.Helper()
	a := b.call(action, p)
	if a.Code != code {
		b.t.Fatalf("%s: code %q (%s), want %q", action, a.Code, a.Message, code)
	}
	return a
}

// axn are the parameters of a BindAxn that succeeds.
func (b bench) axn(more params) params {
	return params{"PoolKey": dyplstest.DefaultPoolKey, "PhoneNoA": "15000000001", "Expiration": b.in(time.Hour)}.with(more)
}

// pair are the parameters of a BindAxb that succeeds.
func (b bench) pair(more params) params { return b.axn(params{"PhoneNoB": "15000000002"}).with(more) }
