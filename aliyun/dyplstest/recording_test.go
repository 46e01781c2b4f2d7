package dyplstest_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // the protocol's own choice
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

// recorded is a server with a call whose recording is there, and the link to it.
type recorded struct {
	*dyplstest.Server
	*clock

	t    *testing.T
	call dyplstest.PlacedCall
}

func newRecorded(t *testing.T, config dyplstest.Config) recorded {
	t.Helper()
	clock := &clock{now: time.Now().Truncate(time.Second)}
	config.Now = clock.Now
	s := placed(t, config, 1)
	return recorded{s, clock, t, s.Calls()[0]}
}

func (r recorded) link() string {
	r.t.Helper()
	link := ""
	until(r.t, "the recording to be there", func() bool {
		u := newUnsigned("QueryRecordFileDownloadUrl", params{
			"PoolKey": r.call.PoolKey, "CallId": r.call.CallID, "CallTime": dypls.At(r.call.CallTime).String(),
		}, r.Now())
		u.target = r.URL() + "/"
		response, err := http.DefaultClient.Do(u.v3().WithContext(r.t.Context()))
		if err != nil {
			r.t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		var a answer
		if err := json.NewDecoder(response.Body).Decode(&a); err != nil || a.Code != "OK" {
			r.t.Fatalf("answer %+v, %v", a, err)
		}
		link = a.DownloadUrl
		return link != ""
	})
	return link
}

func (r recorded) fetch(method, link string, headers ...string) (status int, header http.Header, body []byte, err error) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, link, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := oneShot.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, response.Header, body, err
}

func TestRecordingIsServedByItsLink(t *testing.T) {
	t.Parallel()
	r := newRecorded(t, dyplstest.Config{})
	status, header, body, err := r.fetch(http.MethodGet, r.link())
	if err != nil || status != http.StatusOK || len(body) != 120_000 { // a minute
		t.Fatalf("%d with %d bytes, %v", status, len(body), err)
	}
	digest, etag := sha256.Sum256(body), md5.Sum(body) //nolint:gosec // as above
	if file := r.call.Recordings[0]; file.SHA256 != hex.EncodeToString(digest[:]) || file.Size != len(body) || file.Name != r.call.SubsID+"_"+r.call.CallID+".mp3" {
		t.Errorf("file %+v", file)
	}
	crc := strconv.FormatUint(crc64.Checksum(body, crc64.MakeTable(crc64.ECMA)), 10)
	for name, want := range map[string]string{
		"Content-Length": "120000", "ETag": `"` + strings.ToUpper(hex.EncodeToString(etag[:])) + `"`, "x-oss-hash-crc64ecma": crc, "Accept-Ranges": "bytes",
	} {
		if header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, header.Get(name), want)
		}
	}
	// An ID3 tag of the size that it says, and MPEG frames from there to the end.
	tag := 10 + int(body[6])<<21 + int(body[7])<<14 + int(body[8])<<7 + int(body[9])
	if string(body[:3]) != "ID3" || (len(body)-tag)%72 != 0 {
		t.Fatalf("tag %x of %d bytes", body[:10], tag)
	}
	for at := tag; at < len(body); at += 72 {
		if !bytes.Equal(body[at:at+4], []byte{0xFF, 0xF3, 0x28, 0xC0}) {
			t.Fatalf("no frame at byte %d", at)
		}
	}
	if _, _, again, err := r.fetch(http.MethodGet, r.link()); err != nil || !bytes.Equal(body, again) {
		t.Error("another link leads to another file")
	}
}

func TestRangesOfARecording(t *testing.T) {
	t.Parallel()
	for _, whole := range []bool{false, true} {
		r := newRecorded(t, dyplstest.Config{Recordings: dyplstest.Recordings{Size: 1000, WholeBeyondRange: whole}})
		link := r.link()
		_, full, body, _ := r.fetch(http.MethodGet, link)
		beyond := 416
		if whole {
			beyond = 200
		}
		for asked, want := range map[string]struct{ status, from, to int }{
			"bytes=0-9": {206, 0, 9}, "bytes=900-": {206, 900, 999}, "bytes=-10": {206, 990, 999}, "bytes=999-5000": {206, 999, 999},
			"bytes=1000-": {beyond, 0, 999}, "bytes=9-1": {200, 0, 999}, "frames=1-2": {200, 0, 999}, "bytes=x-": {200, 0, 999},
		} {
			status, header, got, err := r.fetch(http.MethodGet, link, "Range", asked)
			if err != nil || status != want.status {
				t.Errorf("%s: %d, %v, want %d", asked, status, err, want.status)
				continue
			}
			if status == 416 {
				if !strings.Contains(string(got), "<Code>InvalidRange</Code>") {
					t.Errorf("%s: %s", asked, got)
				}
				continue
			}
			span := ""
			if status == 206 {
				span = fmt.Sprintf("bytes %d-%d/1000", want.from, want.to)
			}
			if !bytes.Equal(got, body[want.from:want.to+1]) || header.Get("Content-Range") != span ||
				header.Get("x-oss-hash-crc64ecma") != full.Get("x-oss-hash-crc64ecma") {
				t.Errorf("%s: %d bytes, %v", asked, len(got), header)
			}
		}
	}
}

func TestLinksThatAreRefused(t *testing.T) {
	t.Parallel()
	r := newRecorded(t, dyplstest.Config{Recordings: dyplstest.Recordings{Size: 1000, LinkLife: time.Minute}})
	link := r.link()
	want := func(what, method, link string, status int, parts ...string) {
		t.Helper()
		got, _, body, err := r.fetch(method, link)
		if err != nil || got != status {
			t.Errorf("%s: %d, %v", what, got, err)
		}
		for _, part := range parts {
			if method != http.MethodHead && !strings.Contains(string(body), part) {
				t.Errorf("%s: %s lacks %s", what, body, part)
			}
		}
	}
	want("GET", http.MethodGet, link, 200)
	want("HEAD by a link of GET", http.MethodHead, link, 403)
	want("another name", http.MethodGet, strings.Replace(link, ".mp3", "_1.mp3", 1), 403, "<Code>SignatureDoesNotMatch</Code>")
	want("no signature", http.MethodGet, strings.Replace(link, "Signature=", "X=", 1), 403, "<Code>AccessDenied</Code>")
	want("another key", http.MethodGet, strings.Replace(link, "OSSAccessKeyId=", "OSSAccessKeyId=x", 1), 403, "<Code>InvalidAccessKeyId</Code>")

	// A link of one's own, by the documented algorithm, works.
	parsed, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(method, name string) string {
		mac := hmac.New(sha1.New, []byte(dyplstest.DefaultAccessKeySecret))
		expires := parsed.Query().Get("Expires")
		_, _ = io.WriteString(mac, method+"\n\n\n"+expires+"\n/recordings/"+name)
		return r.URL() + "/recordings/" + name + "?" + url.Values{
			"Expires": {expires}, "OSSAccessKeyId": {dyplstest.DefaultAccessKeyID}, "Signature": {base64.StdEncoding.EncodeToString(mac.Sum(nil))},
		}.Encode()
	}
	name := r.call.Recordings[0].Name
	want("a link that was signed here", http.MethodGet, sign("GET", name), 200)
	want("HEAD by a link of HEAD", http.MethodHead, sign("HEAD", name), 200)
	want("no such file", http.MethodGet, sign("GET", "1_2.mp3"), 404, "<Code>NoSuchKey</Code>")

	r.advance(59 * time.Second)
	want("a link that still works", http.MethodGet, link, 200)
	r.advance(time.Second)
	want("a link that is over", http.MethodGet, link, 403, "<Code>AccessDenied</Code>", "<Message>Request has expired.</Message>", "<EC>0002-00000069</EC>")
	link = r.link()
	r.advance(30 * 24 * time.Hour)
	want("a link that is over by far", http.MethodGet, link, 403, "Request has expired.")
}

func TestNamesOfRecordings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config dyplstest.Recordings
		ends   []string
	}{
		"plain":         {dyplstest.Recordings{}, []string{".mp3"}},
		"parts":         {dyplstest.Recordings{Parts: 2}, []string{"_0.mp3", "_1.mp3"}},
		"with a number": {dyplstest.Recordings{NumberInName: true}, []string{"_8615000000001.mp3"}},
	} {
		r := newRecorded(t, dyplstest.Config{Recordings: test.config})
		if len(r.call.Recordings) != len(test.ends) {
			t.Errorf("%s: files %+v", name, r.call.Recordings)
			continue
		}
		for i, end := range test.ends {
			if got := r.call.Recordings[i].Name; got != r.call.SubsID+"_"+r.call.CallID+end {
				t.Errorf("%s: file %q", name, got)
			}
		}
		if status, _, _, err := r.fetch(http.MethodGet, r.link()); status != 200 || err != nil || !strings.Contains(r.link(), test.ends[0]) {
			t.Errorf("%s: %d, %v", name, status, err)
		}
	}
}

func TestFaultsOfDownloads(t *testing.T) {
	t.Parallel()
	for rule, check := range map[string]func(status int, header http.Header, body []byte, err error) bool{
		"do=cut": func(status int, header http.Header, body []byte, err error) bool {
			return status == 200 && err != nil && len(body) == 500 && header.Get("Content-Length") == "1000"
		},
		"do=truncate": func(status int, header http.Header, body []byte, err error) bool {
			crc := strconv.FormatUint(crc64.Checksum(body, crc64.MakeTable(crc64.ECMA)), 10)
			return status == 200 && err == nil && len(body) == 500 && header.Get("x-oss-hash-crc64ecma") != crc
		},
		"do=slow delay=16ms": func(status int, _ http.Header, body []byte, err error) bool {
			return status == 200 && err == nil && len(body) == 1000
		},
		"code=ServiceUnavailable": func(status int, _ http.Header, body []byte, err error) bool {
			return status == 503 && err == nil && strings.Contains(string(body), "<Code>ServiceUnavailable</Code>")
		},
		"do=drop-before": func(status int, _ http.Header, _ []byte, err error) bool { return status == 0 && err != nil },
	} {
		fault, err := dyplstest.ParseFault("action=GetObject first=1 " + rule)
		if err != nil {
			t.Fatal(err)
		}
		r := newRecorded(t, dyplstest.Config{Recordings: dyplstest.Recordings{Size: 1000}, Faults: []dyplstest.Fault{fault}})
		status, header, body, err := r.fetch(http.MethodGet, r.link())
		if !check(status, header, body, err) {
			t.Errorf("%s: %d %v, %d bytes, %v", rule, status, header, len(body), err)
		}
		if status, _, rest, err := r.fetch(http.MethodGet, r.link(), "Range", "bytes=500-"); status != 206 || len(rest) != 500 || err != nil {
			t.Errorf("%s, the second time: %d, %d bytes, %v", rule, status, len(rest), err)
		}
	}
	if _, err := dyplstest.ParseFault("do=cut action=BindAxn"); err == nil || !strings.Contains(err.Error(), "goes only with action GetObject") {
		t.Errorf("error %v", err)
	}
}

// TestReportHasALink: where the test asks for it, the receipt of a recorded call's end has a link
// to its recording, which works.
func TestReportHasALink(t *testing.T) {
	t.Parallel()
	r := newRecorded(t, dyplstest.Config{Recordings: dyplstest.Recordings{InReport: true}})
	var report struct {
		Link string `json:"record_url"`
	}
	if err := json.Unmarshal(r.CallReceipts(r.call.CallID, dyplstest.ByHTTP)["SecretReport"], &report); err != nil {
		t.Fatal(err)
	}
	if status, _, body, err := r.fetch(http.MethodGet, report.Link); status != http.StatusOK || len(body) != r.call.Recordings[0].Size || err != nil {
		t.Errorf("%s: %d, %d bytes, %v", report.Link, status, len(body), err)
	}
}
