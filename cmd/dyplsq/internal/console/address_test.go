package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/audit"
)

// TestHostileAddresses: whatever an address or a form of these pages holds, the answer is a page
// that says so, without what stands there, and nothing is changed.
func TestHostileAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dyplstest.Config{})
	p := w.as("eve", "en")
	long, script := strings.Repeat("x", 600), "<script>alert(1)</script>"
	for _, path := range []string{
		"call?id=", "call?id=" + url.QueryEscape(script), "call?id=" + long[:400], "call?id=%00", "call?id=%ff", "call?id=" + long,
		"calls?since=yesterday", "calls?since=-1h", "calls?recording=none'--", "calls?cursor=x", "calls?cursor=-1:x", "calls?size=0", "calls?size=1000000",
		"calls?task=" + url.QueryEscape(script), "calls?cursor=99999999999999999999:x", "recordings?state=" + url.QueryEscape(script), "recordings?cursor=%25",
		"recording?id=x", "recording?id=x&ticket=.", "recording?id=../../etc/passwd&ticket=1.2", "pool?key=", "pool?key=" + url.QueryEscape(script), "pool?key=nobody&of=99h",
		"now?of=" + url.QueryEscape(script), "now?of=" + long, "callbacks?x=" + url.QueryEscape(script),
	} {
		status, text := p.get(Root + path)
		if status >= http.StatusInternalServerError || strings.Contains(text, script) || strings.Contains(text, "goroutine") {
			t.Errorf("%s: %d\n%.300s", path, status, text)
		}
	}
	for _, path := range []string{"call/whole", "call/listen", "recordings", "callbacks/enable", "callbacks/replay"} {
		for name, form := range map[string]string{
			"no token": "id=x&reason=x&endpoint=x&since=1h", "a forged token": "token=a.b.c&id=x&reason=x&endpoint=x&since=1h", "no form": "%",
		} {
			if status, _ := p.do(http.MethodPost, Root+path, form); status != http.StatusForbidden && status != http.StatusBadRequest {
				t.Errorf("%s with %s: %d", path, name, status)
			}
		}
		if status, _ := p.do(http.MethodPost, Root+path, "id=x", "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
			t.Errorf("%s from another site: %d", path, status)
		}
	}
	if lines, _, err := w.audit.Read(t.Context(), audit.Filter{}); err != nil || len(lines) > 0 {
		t.Errorf("the audit has %v, %v", lines, err)
	}
}
