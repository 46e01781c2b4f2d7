package metrics

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestPoolsOfCallsAreBounded: receipts name the pools. So many are shown by name; a number, and
// what is beyond, are other.
func TestPoolsOfCallsAreBounded(t *testing.T) {
	t.Parallel()
	m := NewReceipts()
	for _, pool := range []string{"", "13812345678"} {
		m.CallDone(pool, "answered")
	}
	for range 2 {
		for i := range maxPools + 50 {
			m.CallDone(fmt.Sprintf("FC%03d", i), "answered")
		}
	}
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text := answer.Body.String()
	if n := strings.Count(text, "\ndyplsq_calls_total{"); n != maxPools+1 {
		t.Errorf("%d pools are shown", n)
	}
	for _, line := range []string{`{pool="other",result="answered"} 102`, `{pool="FC000",result="answered"} 2`, `{pool="FC099",result="answered"} 2`} {
		if !strings.Contains(text, "dyplsq_calls_total"+line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}
