package dypls_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// A code in the table decides, whatever came with it.
func TestClassifyKnown(t *testing.T) {
	t.Parallel()
	for code, want := range wantCodes {
		code = strings.Replace(code, "*", "Anything", 1)
		for _, status := range []int{200, 400, 403, 404, 429, 500, 503} {
			for _, fromGateway := range []bool{false, true} {
				if got := dypls.Classify(code, status, fromGateway); got != want.Class {
					t.Errorf("Classify(%s, %d, %t) = %q, want %q", code, status, fromGateway, got, want.Class)
				}
			}
		}
	}
}

func TestClassifyUnknown(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		code        string
		status      int
		fromGateway bool
		want        dypls.Class
	}{
		"isv":          {"isv.X", 200, false, dypls.Rejected},
		"isv with 400": {"isv.X", 400, false, dypls.Rejected},
		"isv with 500": {"isv.X", 500, false, dypls.Uncertain},
		"isp":          {"isp.X", 200, false, dypls.Uncertain},
		"isp with 400": {"isp.X", 400, false, dypls.Uncertain},
		// the family is the service's word, HostId or not
		"isp with 400 from gateway":    {"isp.X", 400, true, dypls.Uncertain},
		"isp with 500":                 {"isp.X", 500, true, dypls.Uncertain},
		"other":                        {"X", 200, false, dypls.Uncertain},
		"other with 500":               {"X", 500, false, dypls.Uncertain},
		"other with 502 from gateway":  {"X", 502, true, dypls.Uncertain},
		"other with 400":               {"X", 400, false, dypls.Uncertain},
		"other with 400 from gateway":  {"X", 400, true, dypls.Rejected},
		"other with 499 from gateway":  {"X", 499, true, dypls.Rejected},
		"other with 200 from gateway":  {"X", 200, true, dypls.Uncertain},
		"other with 302 from gateway":  {"X", 302, true, dypls.Uncertain},
		"success of another family":    {"0000", 200, false, dypls.Uncertain},
		"success in lower case":        {"ok", 200, false, dypls.Uncertain},
		"no code":                      {"", 200, false, dypls.Uncertain},
		"prefix in another case":       {"ISV.X", 200, false, dypls.Uncertain},
		"a code that contains another": {"X.isv.FLOW_LIMIT", 200, false, dypls.Uncertain},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := dypls.Classify(tt.code, tt.status, tt.fromGateway); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Whatever comes, there is a class, and a code that nobody knows is never given one that makes the
// system act on it: not retried as harmless, not held, not taken for success.
func FuzzClassify(f *testing.F) {
	for code := range wantCodes {
		f.Add(code, 200, false)
	}
	f.Add("isp.X", 400, true)
	f.Add("isv.X", 503, false)
	f.Add("X", 429, true)
	classes := []dypls.Class{
		dypls.Rejected, dypls.Exhausted, dypls.Throttled, dypls.Unavailable, dypls.Denied, dypls.NotReady, dypls.Uncertain,
	}
	f.Fuzz(func(t *testing.T, code string, status int, fromGateway bool) {
		got := dypls.Classify(code, status, fromGateway)
		info, known := dypls.LookupCode(code)
		if known {
			if got != info.Class {
				t.Fatalf("Classify(%q) = %q, but its row says %q", code, got, info.Class)
			}
			return
		}
		if !slices.Contains(classes, got) {
			t.Fatalf("Classify(%q, %d, %t) = %q, which is no class", code, status, fromGateway, got)
		}
		mayReject := status < 500 && !strings.HasPrefix(code, "isp.") &&
			(strings.HasPrefix(code, "isv.") || status >= 400 && fromGateway)
		if want := map[bool]dypls.Class{true: dypls.Rejected, false: dypls.Uncertain}[mayReject]; got != want {
			t.Fatalf("Classify(%q, %d, %t) = %q, want %q", code, status, fromGateway, got, want)
		}
	})
}
