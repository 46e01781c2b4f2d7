package dypls_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

func TestSignedURLMasked(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   dypls.SignedURL
		want string
	}{
		"http":            {secretLink, "http://records.example.com/***"},
		"https":           {"https://h/p?Signature=s", "https://h/***"},
		"port":            {"http://h:8080/p", "http://h:8080/***"},
		"no path":         {"http://h?Signature=s", "http://h/***"},
		"fragment":        {"http://h#Signature=s", "http://h/***"},
		"backslash":       {`http://h\Signature=s`, "http://h/***"},
		"user":            {"http://user:pass@h/p", "http://h/***"},
		"two users":       {"http://user@pass@h/p", "http://h/***"},
		"@ in the path":   {"http://h/p@Signature", "http://h/***"},
		"none":            {"", ""},
		"no scheme":       {"h/p?Signature=s", "***"},
		"a link within":   {"h/p?Signature=s&next=http://x", "***"}, // what is before :// is no scheme
		"another scheme":  {"oss://bucket/key", "***"},
		"no host":         {"http://", "http:///***"},
		"encoded within":  {"http://https%3A%2F%2Fh%3FSignature%3Ds", "http:///***"},
		"letters beyond":  {"http://主机/p", "http:///***"},
		"IPv6":            {"http://[::1]:80/p", "http://[::1]:80/***"},
		"not a link":      {"15000000001", "***"},
		"relative scheme": {"//h/p?Signature=s", "***"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.in.Masked()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := fmt.Sprint(tt.in); got != tt.want || tt.in.String() != got || tt.in.LogValue().String() != got {
				t.Errorf("Sprint = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestSignedURLExpiresAt(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   dypls.SignedURL
		unix int64 // 0: it does not say
	}{
		"OSS":                {secretLink, 1629900689},
		"last":               {"http://h/p?Signature=s&Expires=1629900689", 1629900689},
		"encoded":            {"http://h/p?Signature=a%2Bb%3D&Expires=1629900689", 1629900689},
		"none":               {"http://h/p?Signature=s", 0},
		"no query":           {"http://h/p", 0},
		"in the path":        {"http://h/Expires=1629900689", 0},
		"another case":       {"http://h/p?expires=1629900689", 0},
		"empty":              {"http://h/p?Expires=", 0},
		"no number":          {"http://h/p?Expires=soon", 0},
		"a date":             {"http://h/p?Expires=2026-11-22", 0},
		"0":                  {"http://h/p?Expires=0", 0},
		"negative":           {"http://h/p?Expires=-1", 0},
		"milliseconds":       {"http://h/p?Expires=1629900689000", 0}, // the year 53619
		"the end of time":    {"http://h/p?Expires=253402300799", 253402300799},
		"and a second later": {"http://h/p?Expires=253402300800", 0},
		"too large":          {"http://h/p?Expires=99999999999999999999", 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want time.Time
			if tt.unix != 0 {
				want = time.Unix(tt.unix, 0).UTC()
			}
			if diff := cmp.Diff(want, tt.in.ExpiresAt()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What is read from a stranger's link can always be written into an outcome.
func FuzzSignedURLExpiresAt(f *testing.F) {
	f.Add("http://h/p?Expires=1629900689&Signature=s", int64(1629900689))
	f.Add("http://h/p?Expires=99999999999999999999", int64(-1))
	f.Add("?%zz", int64(253402300800))
	f.Fuzz(func(t *testing.T, link string, seconds int64) {
		at := dypls.SignedURL(link).ExpiresAt()
		if at.Location() != time.UTC {
			t.Fatalf("%q: %v is not in UTC", link, at)
		}
		if _, err := json.Marshal(at); err != nil {
			t.Fatalf("%q: %v", link, err)
		}
		made := dypls.SignedURL(fmt.Sprintf("http://h/p?A=b&Expires=%d&Signature=s", seconds))
		got := made.ExpiresAt()
		if got.IsZero() == (seconds > 0 && seconds <= 253402300799) {
			t.Fatalf("%s: %v", string(made), got)
		}
		if !got.IsZero() && got.Unix() != seconds {
			t.Fatalf("%s: %v", string(made), got)
		}
	})
}
