package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls"
)

// marked are the numbers of this test, whole, and what only a signed link holds.
var marked = regexp.MustCompile(`1(38|59)12345678|170\d{8}|1391234\d{4}|Signature=|OSSAccessKeyId`)

// requestID is random: its last digits may look like a number.
var requestID = regexp.MustCompile(`[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}`)

// TestNumbersStayMasked: a token without the scope numbers is shown none by any operation, in a
// body, a header or the log; one with it sees those of results.
func TestNumbersStayMasked(t *testing.T) {
	t.Parallel()
	few, secret := newToken(t, "few", ScopeEnqueue, ScopeRead, ScopeOperate)
	w := newWorldOn(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Action: "BindAxn", Do: dyplstest.DropAfter, Match: map[string]string{"OutId": "lost"}},
		{Action: "BindAxn", Code: "isv.NO_AVAILABLE_NUMBER", Message: "no number for " + numberA, Match: map[string]string{"OutId": "refused"}},
	}}, withTokens(few))
	w.work()
	w.start(w.calls.Run)
	w.pushCall("marked-call")
	recording := fmt.Sprintf(`{"action":"QueryRecordFileDownloadUrl","id":"recording","request":{"PoolKey":%q,"CallId":"marked-call","CallTime":%q}}`,
		dyplstest.DefaultPoolKey, time.Now().Add(-time.Hour).Format(time.RFC3339))
	for id, body := range map[string]string{
		"bound": bind("bound", ""), "lost": strings.Replace(bind("lost", ""), `"PoolKey"`, `"OutId":"lost","PoolKey"`, 1),
		"refused": strings.Replace(bind("refused", ""), `"PoolKey"`, `"OutId":"refused","PoolKey"`, 1), "recording": recording,
		"later": bind("later", `,"in":"1h"`),
	} {
		if got := w.as(secret, http.MethodPost, "/v1/tasks", body); got.Status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", id, got.Status, got.Body)
		}
	}
	var seen strings.Builder
	look := func(got answer) answer {
		seen.WriteString(got.Body)
		for name, values := range got.Header {
			seen.WriteString(name + ": " + strings.Join(values, " ") + "\n")
		}
		return got
	}
	for id, state := range map[string]string{"bound": "succeeded", "lost": "uncertain", "refused": "failed", "recording": "succeeded", "later": "pending"} {
		wait := "60s"
		if state == "pending" {
			wait = "0s"
		}
		if got := look(w.as(secret, http.MethodGet, "/v1/tasks/"+id+"?wait="+wait, "")); !strings.Contains(got.Body, `"state":"`+state+`"`) {
			t.Errorf("%s: %d %s", id, got.Status, got.Body)
		}
	}
	f := w.follow(secret, headerLast, position{}.String())
	for range 5 { // four outcomes and a call at the least
		e, more := f.next()
		if !more {
			t.Fatal("the stream ended")
		}
		seen.WriteString(e.id + e.name + e.data + "\n")
	}
	f.close()
	for _, ask := range [][3]string{
		{"GET", "/v1/tasks"}, {"GET", "/v1/tasks?state=failed,uncertain"}, {"GET", "/v1/outcomes?group=marked"}, {"GET", "/v1/calls"}, {"GET", "/v1/calls/marked-call"},
		{"POST", "/v1/tasks", strings.Replace(bind("bound", ""), numberA, numberB, 1)}, {"POST", "/v1/tasks", bind("order-"+numberA, "")},
		{"POST", "/v1/tasks:batch", batchOf(bind("bound", ""), bind("later", `,"in":"1h"`))}, {"DELETE", "/v1/tasks/later"}, {"DELETE", "/v1/tasks/bound"},
		{"POST", "/v1/tasks/lost:resolve", `{"as":"succeeded","result":{"SubsId":"1","SecretNo":"17000000009"}}`}, {"GET", "/v1/tasks/lost"},
		{"POST", "/v1/outcomes:ack", `{"group":"` + numberA + `","entries":["1-0"]}`}, {"GET", "/v1/tasks/" + numberA}, {"GET", "/v1/calls/" + numberA},
		{"GET", "/v1/" + numberA}, {"GET", "/v1/tasks?" + numberA + "=" + numberB}, {"PUT", "/v1/tasks/" + numberA, "{}"},
	} {
		look(w.as(secret, ask[0], ask[1], ask[2]))
	}
	for where, text := range map[string]string{"an answer": seen.String(), "the log": w.log.String()} {
		if found := marked.FindString(requestID.ReplaceAllString(text, "")); found != "" {
			at := strings.Index(text, found)
			t.Errorf("%s shows %s: ...%s", where, found, text[max(at-300, 0):at+len(found)])
		}
	}
	for path, want := range map[string]string{"/v1/tasks/bound": `"SecretNo":"170`, "/v1/tasks/lost": "17000000009", "/v1/tasks/recording": "Signature="} {
		if got := w.do(http.MethodGet, path, ""); !strings.Contains(got.Body, want) || strings.Contains(got.Body, "****") {
			t.Errorf("%s with the scope numbers: %d %s", path, got.Status, got.Body)
		}
	}
}

// pushCall takes in the receipt of a call between marked numbers.
func (w *world) pushCall(id string) {
	w.t.Helper()
	const secret = "a-secret-of-the-test-0123"
	handler, err := w.calls.Handler(calls.HandlerConfig{Secrets: []string{secret}, Deadline: within})
	if err != nil {
		w.t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	now := time.Now().UnixMilli()
	body := fmt.Sprintf(`[{"call_id":%q,"pool_key":"FC1","out_id":"order-%s","sub_id":7,"phone_no":%q,"secret_no":"17012345678","peer_no":%q,"call_time":%d,"start_time":%d,"release_time":%d,"release_cause":16}]`,
		id, numberA, numberA, numberB, now-60_000, now-50_000, now)
	answer, err := http.Post(server.URL+"/receipts/"+secret+"/SecretReport", "text/plain", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if _ = answer.Body.Close(); answer.StatusCode != http.StatusOK {
		w.t.Fatal(answer.Status)
	}
}
