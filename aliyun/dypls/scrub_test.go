package dypls_test

import (
	"strings"
	"testing"

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
			if digitRun.MatchString(got) {
				t.Fatalf("%q shows a number: %q", before+link+after, got)
			}
		}
		if got := dypls.Scrub(before + "15000000001" + after); digitRun.MatchString(got) {
			t.Fatalf("%q shows a number: %q", before+"15000000001"+after, got)
		}
	})
}
