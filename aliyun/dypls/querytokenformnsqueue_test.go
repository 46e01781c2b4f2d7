package dypls_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// TestQueueToken: how long it is good is the difference of its times, whatever their zone; without
// secrets an answer is none.
func TestQueueToken(t *testing.T) {
	t.Parallel()
	request := dypls.QueryTokenForMNSQueueRequest{MessageType: dypls.TypeSecretReport, QueueName: "q"}
	dto := func(extra string) string {
		return `{"Code":"OK","MessageTokenDTO":{"AccessKeyId":"STS.1","AccessKeySecret":"hush-1","SecurityToken":"hush-2"` + extra + `}}`
	}
	tests := map[string]struct {
		body  string
		valid time.Duration
		fails bool
	}{
		"with times":          {dto(`,"CreateTime":"2026-11-29 23:59:30","ExpireTime":"2026-11-30 00:09:30"`), 10 * time.Minute, false},
		"without times":       {dto(""), 0, false},
		"with another form":   {dto(`,"CreateTime":1795867889000,"ExpireTime":"soon"`), 0, false},
		"that ends before":    {dto(`,"CreateTime":"2026-11-29 23:59:30","ExpireTime":"2026-11-29 23:00:00"`), 0, false},
		"without a secret":    {`{"Code":"OK","MessageTokenDTO":{"AccessKeyId":"STS.1","SecurityToken":"hush"}}`, 0, true},
		"without any of them": {`{"Code":"OK"}`, 0, true},
	}
	for name, test := range tests {
		token, err := dypls.QueryTokenForMNSQueue.Call(t.Context(), says(200, test.body), request)
		if (err != nil) != test.fails || token.Validity != test.valid {
			t.Errorf("%s: %s, %v", name, token.Validity, err)
		}
		encoded, unwritten := json.Marshal(token)
		shown := fmt.Sprintf("%v %+v %#v %s %s %v %v", token, token, token, slog.AnyValue(token).Resolve(), encoded, err, unwritten)
		if strings.Contains(shown, "hush") {
			t.Errorf("%s shows a secret: %s", name, shown)
		}
	}
	if _, err := dypls.QueryTokenForMNSQueue.Call(t.Context(), says(200, "{}"), dypls.QueryTokenForMNSQueueRequest{}); err == nil ||
		!strings.Contains(err.Error(), "MessageType") || !strings.Contains(err.Error(), "QueueName") {
		t.Errorf("an empty request: %v", err)
	}
}
