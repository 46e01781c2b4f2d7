package dypls_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

func TestScrub(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want string }{
		"nothing to hide":       {"expireDate less than 1 minutes from now", "expireDate less than 1 minutes from now"},
		"Chinese":               {"绑定冲突", "绑定冲突"},
		"number":                {"15000000001", "150****0001"},
		"number in text":        {"A 15000000001 is bound", "A 150****0001 is bound"},
		"number in Chinese":     {"号码15000000001已绑定", "号码150****0001已绑定"},
		"two numbers":           {"15000000001,17000000003", "150****0001,170****0003"},
		"number after +86":      {"+8615000000001", "+861****0001"},
		"number in JSON":        {`{"PhoneNoA":"15000000001"}`, `{"PhoneNoA":"150****0001"}`},
		"number URL-encoded":    {"PhoneNoA%3D15000000001%26", "PhoneNoA%3D150****0001%26"},
		"full-width number":     {"１５０００００００００１", "１５０****０００１"},
		"6 digits":              {"code 123456", "code 123456"},
		"7 digits":              {"code 1234567", "code ***"},
		"date":                  {"2026-11-22 18:30:00", "2026-11-22 18:30:00"},
		"URL":                   {"see https://h.example.com/p?Signature=s now", "see https://h.example.com/*** now"},
		"URL in quotes":         {`"http://h.example.com/p?Signature=s"`, `"http://h.example.com/***"`},
		"URL in brackets":       {`<http://h.example.com/p>`, `<http://h.example.com/***>`},
		"URL in capitals":       {"HTTP://H.example.com/p", "HTTP://H.example.com/***"},
		"URL with user":         {"http://u:p@h.example.com/p", "http://h.example.com/***"},
		"URL with fragment":     {"http://h.example.com#Signature=s", "http://h.example.com/***"},
		"URL with port":         {"http://127.0.0.1:8080/?Signature=s", "http://127.0.0.1:8080/***"},
		"URL of a number":       {"http://15000000001/p", "http://150****0001/***"},
		"URL without path":      {"http://h.example.com", "http://h.example.com/***"},
		"encoded URL":           {"u=https%3A%2F%2Fh.example.com%2Fp%3FSignature%3Ds", "u=***"},
		"encoded, small":        {"u=http%3a%2f%2fh%2fp%3fSignature%3ds", "u=***"},
		"encoded twice":         {"u=https%253A%252F%252Fh%252Fp%253FSignature%253Ds", "u=***"},
		"encoded in part":       {"u=https:%2F%2Fh%2Fp?Signature=s", "u=***"},
		"encoded, URL within":   {"u=https%3A%2F%2Fh%2Fp%3FSignature%3Ds&next=http://x", "u=***"},
		"URL before encoded":    {"http://https%3A%2F%2Fh%3FSignature%3Ds", "http:///***"},
		"other scheme":          {"ftp://h/p", "ftp://h/p"},
		"broken text":           {"\xff15000000001", "\xff150****0001"},
		"hyphens":               {"138-1234-5678", "138****5678"},
		"blanks":                {"138 1234 5678", "138****5678"},
		"blanks and hyphens":    {"138 - 1234 - 5678", "138****5678"},
		"+86 and blanks":        {"call +86 138 1234 5678 now", "call +861****5678 now"},
		"area code":             {"(0571) 8888-1234", "(057****1234"},
		"dots":                  {"0571.8888.1234", "057****1234"},
		"form-encoded blanks":   {"138+1234+5678", "138****5678"},
		"encoded blanks":        {"138%201234%205678", "138****5678"},
		"encoded hyphens":       {"138%2D1234%2d5678", "138****5678"},
		"encoded twice, blanks": {"138%25201234%25205678", "138****5678"},
		"encoded digits":        {"%31%33%38%31%32%33%34%35%36%37%38", "138****5678"},
		"after encoded blank":   {"A%2013812345678", "A%20138****5678"},
		"after percent sign":    {"50%13812345678", "50%138****5678"},
		"zero-width spaces":     {"138\u200b1234\u200b\u200b\u200b\u200b5678", "138****5678"},
		"encoded zero-width":    {"138%E2%80%8B1234%E2%80%8B5678", "138****5678"},
		"no-break spaces":       {"138\u00a01234\u202f5678", "138****5678"},
		"dashes of all kinds":   {"138\u20101234\u20135678", "138****5678"},
		"full-width brackets":   {"（0571）8888－1234", "（057****1234"},
		"combining marks":       {"1\u03013\u03018\u03011\u03012\u03013\u03014\u03015", "***"},
		"after a date":          {"2026-11-29 138 1234 5678", "2026-11-29 138****5678"},
		"after a time":          {"2026-11-29 08:00:00 13812345678", "2026-11-29 08:00:00 138****5678"},
		"date within digits":    {"138-2026-11-29", "138****1129"},
		"date before digits":    {"2026-11-29-5678", "202****5678"},
		"no date":               {"2026-13-29", "***"},
		"no address":            {"138.812.345.678", "138****5678"},
		"longer than a UUID":    {"138-12345-1234-1234-1234-123456789012", "138****9012"},
		"link without scheme":   {"oss.example.com/r.mp3?Expires=1&Signature=s3cr3t", "oss.example.com/***"},
		"its parameter last":    {"see oss.example.com/r.mp3?a=b&OSSAccessKeyId=LTAI, then", "see oss.example.com/*** then"},
		"its parameter encoded": {"u=oss.example.com%2Fr.mp3%3FExpires%3D1%26Signature%3Ds3cr3t", "***"},
		"its newer parameters":  {"oss.example.com/r.mp3?x-oss-signature=s3cr3t", "oss.example.com/***"},
		"temporary credentials": {"(oss.example.com/r?security-token=s3cr3t)", "***"},
		"page's scheme":         {"see //oss.example.com/r.mp3?a=s3cr3t now", "see //oss.example.com/*** now"},
		"page's scheme alone":   {"//oss.example.com/s3cr3t", "//oss.example.com/***"},
		"page's scheme encoded": {"u=%2F%2Foss.example.com%2Fs3cr3t", "u=***"},
		"long":                  {strings.Repeat("字", 301), strings.Repeat("字", 300) + "..."},
		"just not too long":     {strings.Repeat("字", 300), strings.Repeat("字", 300)},
		"number across the cut": {strings.Repeat("x", 296) + "15000000001", strings.Repeat("x", 296) + "150*..."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, dypls.Scrub(tt.in)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What people need to read has digits, too.
func TestScrub_leavesTheOrdinary(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"time":                  "expired at 2026-11-29 08:00:00, not before 2026-11-28 23:59:59.",
		"time in Chinese":       "将于2026-11-29 08:00:00过期",
		"time, RFC 3339":        "2026-11-29T08:00:00.123456789Z and 2026-11-29T08:00:00+08:00",
		"time in Go's words":    "2026-11-29 08:00:00.123 +0800 CST",
		"time, encoded":         "Expiration%3D2026-11-29%252008%253A00%253A00%26",
		"time, HTTP":            "Sun, 29 Nov 2026 08:00:00 GMT",
		"date":                  "version 2017-05-25",
		"RequestId":             "RequestId 8906582E-6722-4A3D-A1B2-0123456789AB of it",
		"RequestId of digits":   "[01234567-0123-0123-0123-012345678901]",
		"RequestId, letters":    "a906582e-6722-4a3d-a1b2-0123456789ab",
		"version":               "go1.26.8, v0.62.0, 2.0.1-rc.1",
		"code":                  "isv.FLOW_LIMIT (HTTP 400): 6 of 12 attempts, 65536 bytes, 100%",
		"duration":              "noted 2.000123456s ago, within 10s, 1h30m0.5s, 1500.000001ms",
		"IP address":            "dial tcp 100.100.100.200:80: i/o timeout; 10.255.255.254, 192.168.100.123.",
		"two IP addresses":      "read tcp 127.0.0.1:41234->127.0.0.1:6379: connection reset by peer",
		"IPv6 address":          "[2001:db8::8a2e:370:7334]:443",
		"numbers of a list":     "111,222,333,444",
		"path":                  "/a//b/c?d=e&f=g",
		"comment":               "// a comment",
		"percent":               "50% of 100%25",
		"unfinished escape":     "%",
		"unfinished escape too": "%2",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := dypls.Scrub(text); got != text {
				t.Errorf("%q becomes %q", text, got)
			}
		})
	}
}

// What comes back from a call shows none of its numbers, however short, and whatever it looks like.
func TestParameters_scrub(t *testing.T) {
	t.Parallel()
	told := dypls.Parameters{
		{Name: "PhoneNoA", Value: "95187", Personal: true}, {Name: "PhoneNoB", Value: "20261129", Personal: true},
		{Name: "PhoneNoX", Value: "110", Personal: true}, {Name: "OutId", Value: "54321"},
	}
	for in, want := range map[string]string{
		"95187":                                "***",
		"call 951-87 or 95 187":                "call *** or ***",
		"９５１８７":                                "***",
		"951%2087":                             "***",
		"on 2026-11-29":                        "on ***",
		"00002026-1129-4000-8000-000000000000": "000****0000",
		"of 54321, 110":                        "of 54321, 110",
	} {
		if got := told.Scrub(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

// Whatever stands around them, a number and a link's secret are not shown.
func FuzzScrub(f *testing.F) {
	f.Add("", "")
	f.Add("see http://", " and 15000000001")
	f.Add("https%3A%2F%2F", "\"}")
	f.Add("1", "2")
	f.Add("http:", "//x")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "sEcReT"
		if strings.Contains(before, secret) || strings.Contains(after, secret) {
			t.Skip("it holds the secret itself")
		}
		for _, link := range []string{"http://h.example.com/p?Signature=" + secret, "https%3A%2F%2Fh%2Fp%3FSignature%3D" + secret} {
			got := dypls.Scrub(before + link + after)
			if strings.Contains(got, secret) {
				t.Fatalf("%q shows the link's secret: %q", before+link+after, got)
			}
			if run := spacedRun(got); run != "" {
				t.Fatalf("%q shows a number, %q: %q", before+link+after, run, got)
			}
		}
		if got := dypls.Scrub(before + "15000000001" + after); spacedRun(got) != "" {
			t.Fatalf("%q shows a number: %q", before+"15000000001"+after, got)
		}
	})
}

// FuzzScrub_separators: no seven digits survive, whatever stands between them that is none of a
// text's own.
func FuzzScrub_separators(f *testing.F) {
	for _, between := range []string{"", " ", "-", ". ", "%20", "%2D", "%2520", "\u200b", "\u200b\u200b\u200b\u200b", ") (", "+", "\u00a0", " - ", "%E2%80%8B", "x"} {
		f.Add("A ", "13812345678", between, " is bound")
	}
	f.Add("2026-11-29 08:00:00 ", "1381234", "", "")
	f.Add("8906582E-6722-4A3D-A1B2-", "0123456", "", "")
	f.Add("", "2026112", "-", "9")
	f.Fuzz(func(t *testing.T, before, digits, between, after string) {
		got := dypls.Scrub(before + strings.Join(strings.Split(digits, ""), between) + after)
		if run := spacedRun(got); run != "" {
			t.Fatalf("%q shows a number, %q: %q", before+strings.Join(strings.Split(digits, ""), between)+after, run, got)
		}
	})
}

var (
	// separated are seven digits with what a number's own separators are, in words of this test.
	separated = regexp.MustCompile(`\p{Nd}(?:[ \t.()+（）．＋−·・\p{Zs}\p{Pd}]?[\p{Cf}\p{Mn}\p{Me}]*\p{Nd}){6,}`)
	// readable is what may stand although it has as many digits.
	readable = regexp.MustCompile(`(?i)(?:19|20|21)\d\d-[01]\d-[0-3]\d(?:(?:[T ]|%(?:25)*20)[0-2]\d(?:(?::|%(?:25)*3A)\d\d){1,2}(?:\.\d{1,9})?(?: ?[+-]\d\d:?\d\d)?)?` +
		`|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{1,3}(?:\.\d{1,3}){3}|\d{1,4}\.\d{1,9}(?:[nuµm]?s|[mh])`)
)

// escape is a percent-encoded byte, which may be encoded more than once.
var escape = regexp.MustCompile(`%(?:25)*([0-9A-Fa-f]{2})`)

// spacedRun returns a number that a text shows, "" for none.
func spacedRun(text string) string {
	text = readable.ReplaceAllString(text, "_")
	text = escape.ReplaceAllStringFunc(text, func(e string) string {
		b, _ := strconv.ParseUint(e[len(e)-2:], 16, 8)
		switch {
		case b < ' ' && b != '\t':
			return e
		case b >= utf8.RuneSelf:
			return "_"
		}
		return string(rune(b))
	})
	return separated.FindString(text)
}

// BenchmarkScrub scrubs what is usual, and what is long.
func BenchmarkScrub(b *testing.B) {
	for name, text := range map[string]string{
		"ordinary":   "expireDate less than 1 minutes from now",
		"Chinese":    "绑定冲突",
		"a number":   "A 15000000001 is bound since 2026-11-29 08:00:00",
		"a link":     "see https://h.example.com/p?Expires=1&Signature=s now",
		"of a cause": `Post "...": dial tcp 127.0.0.1:41234: connect: connection refused`,
		"to sign":    "Specified signature is not matched with our calculation. server string to sign is:POST&%2F&AccessKeyId%3DtestAccessKeyId%26Action%3DBindAxn%26Expiration%3D2026-11-29%252008%253A00%253A00%26PhoneNoA%3D15000000001%26PoolKey%3DFC100000000001%26SignatureNonce%3D8906582E-6722-4A3D-A1B2-0123456789AB",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = dypls.Scrub(text)
			}
		})
	}
}
