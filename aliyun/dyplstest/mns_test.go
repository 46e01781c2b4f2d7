package dyplstest_test

import (
	"crypto/md5" //nolint:gosec // the protocol's own choice
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

//nolint:gocognit,gocyclo // one story, from taking to what is kept no longer
func TestMessagesAreTakenAndDeleted(t *testing.T) {
	t.Parallel()
	q := newQueues(t, dyplstest.Config{Receipts: dyplstest.Receipts{Visibility: time.Minute}}, 20)
	k := q.token(reportQueue)
	if got := q.receive(k, "?numOfMessages=16&peekonly=true"); len(got) != 16 || got[0].ReceiptHandle != "" || got[0].DequeueCount != 0 {
		t.Fatalf("peeked at %+v", got)
	}
	first, second := q.receive(k, "?numOfMessages=16"), q.receive(k, "?numOfMessages=16&waitseconds=1")
	if len(first) != 16 || len(second) != 4 {
		t.Fatalf("%d and %d messages, want 16 and 4", len(first), len(second))
	}
	if q.receive(k, "?numOfMessages=16") != nil {
		t.Error("hidden messages are taken")
	}
	calls := map[string]bool{}
	for _, m := range slices.Concat(first, second) {
		record, err := base64.StdEncoding.DecodeString(m.MessageBody)
		if err != nil {
			t.Fatal(err)
		}
		var report struct {
			CallID string `json:"call_id"`
		}
		if err := json.Unmarshal(record, &report); err != nil {
			t.Fatal(err)
		}
		calls[report.CallID] = true
		if string(record) != string(q.CallReceipts(report.CallID, dyplstest.ByQueue)["SecretReport"]) {
			t.Errorf("record %s", record)
		}
		sum := md5.Sum([]byte(m.MessageBody)) //nolint:gosec // as above
		now := q.Now().UnixMilli()
		if !strings.EqualFold(m.MessageBodyMD5, hex.EncodeToString(sum[:])) || m.NextVisibleTime != now+60_000 || m.EnqueueTime != now ||
			m.FirstDequeueTime != now || m.DequeueCount != 1 || m.Priority != 8 {
			t.Errorf("message %+v", m)
		}
	}
	if len(calls) != 20 {
		t.Errorf("receipts of %d calls", len(calls))
	}
	remove := func(handle string) (int, string) {
		return q.with(k, http.MethodDelete, "/queues/"+reportQueue+"/messages?ReceiptHandle="+url.QueryEscape(handle), "").send(t, q.Server)
	}
	if status, body := remove(first[0].ReceiptHandle); status != http.StatusNoContent || body != "" {
		t.Errorf("delete: %d %s", status, body)
	}
	if status, body := remove(first[0].ReceiptHandle); status != http.StatusNotFound || !strings.Contains(body, "<Code>MessageNotExist</Code>") {
		t.Errorf("delete again: %d %s", status, body)
	}
	if status, body := remove("nonsense"); status != http.StatusBadRequest || !strings.Contains(body, "<Code>ReceiptHandleError</Code>") {
		t.Errorf("delete by nonsense: %d %s", status, body)
	}
	// The rest is visible again, under new handles; the old ones delete nothing.
	q.advance(time.Minute)
	if status, _ := remove(first[1].ReceiptHandle); status != http.StatusNotFound {
		t.Errorf("delete by a handle whose time is over: %d", status)
	}
	again := q.receive(k, "?numOfMessages=2")
	if len(again) != 2 || again[0].MessageId != first[1].MessageId || again[0].ReceiptHandle == first[1].ReceiptHandle || again[0].DequeueCount != 2 {
		t.Fatalf("taken again: %+v", again)
	}
	if status, _ := remove(first[1].ReceiptHandle); status != http.StatusNotFound {
		t.Errorf("delete by the older handle: %d", status)
	}
	batch := func(handles ...string) (int, string) {
		body := `<?xml version="1.0" encoding="UTF-8"?><ReceiptHandles xmlns="http://mns.aliyuncs.com/doc/v1/">`
		for _, handle := range handles {
			body += "<ReceiptHandle>" + handle + "</ReceiptHandle>"
		}
		return q.with(k, http.MethodDelete, "/queues/"+reportQueue+"/messages", body+"</ReceiptHandles>").send(t, q.Server)
	}
	status, body := batch(again[0].ReceiptHandle, first[2].ReceiptHandle, "nonsense")
	var failures struct {
		XMLName xml.Name `xml:"http://mns.aliyuncs.com/doc/v1/ Errors"`
		Error   []struct{ ErrorCode, ErrorMessage, ReceiptHandle string }
	}
	if err := xml.Unmarshal([]byte(body), &failures); err != nil || status != http.StatusNotFound || len(failures.Error) != 2 ||
		failures.Error[0].ReceiptHandle != first[2].ReceiptHandle || failures.Error[0].ErrorCode != "MessageNotExist" ||
		failures.Error[1].ErrorCode != "ReceiptHandleError" {
		t.Errorf("batch delete: %d %s, %v", status, body, err)
	}
	if status, body := batch(again[1].ReceiptHandle); status != http.StatusNoContent || body != "" {
		t.Errorf("batch delete: %d %s", status, body)
	}
	deletedAnd := func(outcome dyplstest.Outcome) {
		t.Helper()
		outcomes := map[dyplstest.Outcome]int{}
		for _, r := range q.Receipts() {
			if r.Type == "SecretReport" {
				outcomes[r.Outcome]++
			}
		}
		if outcomes[dyplstest.ReceiptDeleted] != 3 || outcomes[outcome] != 17 {
			t.Errorf("outcomes %v, want 3 deleted and 17 %s", outcomes, outcome)
		}
	}
	deletedAnd(dyplstest.ReceiptPending)
	q.advance(8 * 24 * time.Hour)
	k = q.token("")
	if q.receive(k, "?numOfMessages=16") != nil {
		t.Error("what the queue keeps no longer is taken")
	}
	deletedAnd(dyplstest.ReceiptExpired)
}

func TestOneMessageIsTakenWithoutANumber(t *testing.T) {
	t.Parallel()
	q := newQueues(t, dyplstest.Config{}, 2)
	k := q.token(reportQueue)
	status, body := q.with(k, http.MethodGet, "/queues/"+reportQueue+"/messages", "").send(t, q.Server)
	if status != http.StatusOK || strings.Count(body, "<MessageId>") != 1 || !strings.Contains(body, `<Message xmlns="http://mns.aliyuncs.com/doc/v1/"><MessageId>`) {
		t.Errorf("answer %d %s", status, body)
	}
}

func TestRequestsToQueuesThatAreRefused(t *testing.T) {
	t.Parallel()
	q := newQueues(t, dyplstest.Config{Receipts: dyplstest.Receipts{TokenLife: time.Hour}}, 1)
	mine := q.token(reportQueue)
	receive := "/queues/" + reportQueue + "/messages?numOfMessages=16&waitseconds=0"
	get := q.with(mine, http.MethodGet, receive, "")
	changed := func(change func(*queueRequest)) queueRequest {
		r := get
		change(&r)
		return r
	}
	tests := map[string]struct {
		request queueRequest
		status  int
		code    string
	}{
		"nothing wrong":         {get, 200, ""},
		"another x-mns- header": {changed(func(r *queueRequest) { r.extra = "1" }), 200, ""},
		"Content-MD5":           {changed(func(r *queueRequest) { r.md5 = "1B2M2Y8AsgTpgAmY7PhCfg==" }), 404, "MessageNotExist"},
		"no Authorization":      {changed(func(r *queueRequest) { r.key = "" }), 400, "MissingAuthorizationHeader"},
		"no Date":               {changed(func(r *queueRequest) { r.date = "" }), 400, "MissingDateHeader"},
		"a Date of the API":     {changed(func(r *queueRequest) { r.date = q.Now().Format(time.RFC3339) }), 400, "InvalidDateHeader"},
		"a clock that is late": {changed(func(r *queueRequest) {
			r.date = q.Now().Add(-15*time.Minute - time.Second).UTC().Format(http.TimeFormat)
		}), 408, "TimeExpired"},
		"a clock that is early": {changed(func(r *queueRequest) {
			r.date = q.Now().Add(16 * time.Minute).UTC().Format(http.TimeFormat)
		}), 408, "TimeExpired"},
		"no version":     {changed(func(r *queueRequest) { r.version = "" }), 400, "InvalidArgument"},
		"an unknown key": {changed(func(r *queueRequest) { r.key = "STS.x" }), 403, "InvalidAccessKeyId"},
		"the account's own key": {changed(func(r *queueRequest) {
			r.key, r.secret = dyplstest.DefaultAccessKeyID, dyplstest.DefaultAccessKeySecret
		}), 403, "InvalidAccessKeyId"},
		"a wrong secret":       {changed(func(r *queueRequest) { r.secret += "x" }), 403, "SignatureDoesNotMatch"},
		"a path without query": {changed(func(r *queueRequest) { r.signedPath = "/queues/" + reportQueue + "/messages" }), 403, "SignatureDoesNotMatch"},
		"no security-token":    {changed(func(r *queueRequest) { r.token = "" }), 403, "AccessDenied"},
		"another token":        {changed(func(r *queueRequest) { r.token += "x" }), 403, "AccessDenied"},
		"another queue":        {changed(func(r *queueRequest) { r.path = "/queues/" + recordingQueue + "/messages" }), 403, "AccessDenied"},
		"the queue of another": {q.with(q.token(recordingQueue), "GET", "/queues/"+recordingQueue+"/messages", ""), 403, "AccessDenied"},
		"a queue that is not":  {q.with(q.token("gone"), "GET", "/queues/gone/messages", ""), 404, "QueueNotExist"},
		"17 messages":          {changed(func(r *queueRequest) { r.path = strings.Replace(receive, "16", "17", 1) }), 400, "InvalidArgument"},
		"31 seconds":           {changed(func(r *queueRequest) { r.path = strings.Replace(receive, "waitseconds=0", "waitseconds=31", 1) }), 400, "InvalidArgument"},
		"names of the past":    {changed(func(r *queueRequest) { r.path = "/queues/" + reportQueue + "/messages?NumOfMessages=16" }), 400, "InvalidQueryString"},
		"another path":         {changed(func(r *queueRequest) { r.path = "/queues/" + reportQueue }), 400, "InvalidRequestURL"},
		"a POST":               {q.with(mine, "POST", receive, "<x/>"), 400, "InvalidRequestURL"},
		"no handle":            {q.with(mine, "DELETE", receive, ""), 400, "MissingReceiptHandle"},
		"no XML":               {q.with(mine, "DELETE", receive, "{"), 400, "MalformedXML"},
		"no handles":           {q.with(mine, "DELETE", receive, "<ReceiptHandles></ReceiptHandles>"), 400, "InvalidArgument"},
	}
	order := []string{"nothing wrong", "another x-mns- header"}
	for name := range tests {
		if !slices.Contains(order, name) {
			order = append(order, name)
		}
	}
	for i, name := range order { // one after the other: the first takes the message
		test := tests[name]
		if i == 1 {
			q.advance(30 * time.Second)
		}
		status, body := test.request.send(t, q.Server)
		if status != test.status || test.code != "" && !strings.Contains(body, `<Error xmlns="http://mns.aliyuncs.com/doc/v1/"><Code>`+test.code+"</Code>") {
			t.Errorf("%s: %d %s, want %d %s", name, status, body, test.status, test.code)
		}
	}
	q.advance(time.Hour - 31*time.Second)
	late := q.with(mine, http.MethodGet, receive, "")
	if status, body := late.send(t, q.Server); status != 200 {
		t.Errorf("a token that still works: %d %s", status, body)
	}
	q.advance(2 * time.Second)
	late = q.with(mine, http.MethodGet, receive, "")
	if status, body := late.send(t, q.Server); status != 403 || !strings.Contains(body, "AccessDenied") {
		t.Errorf("an expired token: %d %s", status, body)
	}
}

func TestTokensTellTheirTimes(t *testing.T) {
	t.Parallel()
	q := newQueues(t, dyplstest.Config{Receipts: dyplstest.Receipts{TokenLife: 7 * time.Minute}}, 0)
	k := q.token("")
	created, err := time.Parse("2006-01-02 15:04:05", k.CreateTime)
	expires, err2 := time.Parse("2006-01-02 15:04:05", k.ExpireTime)
	if err != nil || err2 != nil || expires.Sub(created) != 7*time.Minute || k == q.token("") {
		t.Errorf("token %+v", k)
	}
	status, body, err := send(t.Context(), placed(t, dyplstest.Config{}, 0), "QueryTokenForMnsQueue", params{"MessageType": "SecretCall"})
	if status != 200 || !strings.Contains(body, "isv.ILLEGAL_ARGUMENT") || err != nil {
		t.Errorf("a type that is not there: %d %s, %v", status, body, err)
	}
}

// A long poll ends as soon as a message is there.
func TestLongPollWaitsForAMessage(t *testing.T) {
	t.Parallel()
	q := newQueues(t, dyplstest.Config{}, 0)
	k, got := q.token(reportQueue), make(chan []received, 1)
	go func() { got <- q.receive(k, "?numOfMessages=16&waitseconds=30") }()
	select {
	case m := <-got:
		t.Fatalf("received %+v before there was anything", m)
	case <-time.After(50 * time.Millisecond):
	}
	if _, err := q.PlaceCall(dyplstest.Dial{SecretNo: x0, Caller: stranger}); err != nil {
		t.Fatal(err)
	}
	if m := <-got; len(m) != 1 {
		t.Errorf("received %+v", m)
	}
}

// Rules of faults reach requests to queues, of every kind.
func TestFaultsOfQueues(t *testing.T) {
	t.Parallel()
	q := newQueues(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Action: "BatchReceiveMessage", Code: "AccessDenied", Times: 1},
		{Action: "BatchReceiveMessage", Do: dyplstest.DropAfter, Match: map[string]string{"QueueName": reportQueue}, Times: 1},
		{Action: "DeleteMessage", Code: "InternalError", Times: 1},
		{Action: "BatchDeleteMessage", Do: dyplstest.DropAfter, Times: 1},
	}}, 1)
	k := q.token(reportQueue)
	get := q.with(k, http.MethodGet, "/queues/"+reportQueue+"/messages?numOfMessages=1", "")
	if status, body := get.send(t, q.Server); status != 403 || !strings.Contains(body, "<Code>AccessDenied</Code>") {
		t.Errorf("first: %d %s", status, body)
	}
	if status, _ := get.send(t, q.Server); status != 0 {
		t.Errorf("second: %d, want a dropped connection", status)
	}
	if q.receive(k, "?numOfMessages=1") != nil {
		t.Error("what was taken by the lost answer is not hidden")
	}
	q.advance(30 * time.Second)
	taken := q.receive(k, "?numOfMessages=1")
	if len(taken) != 1 || taken[0].DequeueCount != 2 {
		t.Fatalf("taken %+v", taken)
	}
	path := "/queues/" + reportQueue + "/messages"
	one := q.with(k, http.MethodDelete, path+"?ReceiptHandle="+url.QueryEscape(taken[0].ReceiptHandle), "")
	if status, body := one.send(t, q.Server); status != 500 || !strings.Contains(body, "<Code>InternalError</Code>") {
		t.Errorf("delete: %d %s", status, body)
	}
	many := q.with(k, http.MethodDelete, path, "<ReceiptHandles><ReceiptHandle>"+taken[0].ReceiptHandle+"</ReceiptHandle></ReceiptHandles>")
	if status, _ := many.send(t, q.Server); status != 0 {
		t.Errorf("batch delete: %d, want a dropped connection", status)
	}
	if status, _ := one.send(t, q.Server); status != http.StatusNotFound {
		t.Errorf("delete of what the lost answer deleted: %d", status)
	}
}
