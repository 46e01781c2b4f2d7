package dyplstest_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
)

const reportQueue, recordingQueue = "Alicom-Queue-1-SecretReport", "Alicom-Queue-1-SecretRecording"

// oneShot reuses no connection: net/http asks again where one that it reuses is dropped.
var oneShot = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// queueToken is what QueryTokenForMnsQueue answers, under the API's names.
type queueToken struct{ AccessKeyId, AccessKeySecret, SecurityToken, CreateTime, ExpireTime string } //nolint:revive // as above

// queueRequest is a request to a queue that is still to be signed, written from the documented
// algorithm, apart from the code under test.
type queueRequest struct {
	method, path, body  string
	key, secret, token  string
	date, version       string
	signedPath          string // what is signed in place of path
	md5, content, extra string
}

func (q queueRequest) send(t *testing.T, s *dyplstest.Server) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), q.method, s.URL()+q.path, strings.NewReader(q.body))
	if err != nil {
		t.Fatal(err)
	}
	text := q.method + "\n" + q.md5 + "\n" + q.content + "\n" + q.date + "\n"
	for _, header := range [][2]string{{"Content-MD5", q.md5}, {"Content-Type", q.content}, {"Date", q.date}, {"security-token", q.token}} {
		if header[1] != "" {
			r.Header.Set(header[0], header[1])
		}
	}
	if q.extra != "" {
		r.Header.Set("X-Mns-Extra", q.extra)
		text += "x-mns-extra:" + q.extra + "\n"
	}
	if q.version != "" {
		r.Header.Set("x-mns-version", q.version)
		text += "x-mns-version:" + q.version + "\n"
	}
	mac := hmac.New(sha1.New, []byte(q.secret))
	if q.signedPath == "" {
		q.signedPath = q.path
	}
	_, _ = io.WriteString(mac, text+q.signedPath)
	if q.key != "" {
		r.Header.Set("Authorization", "MNS "+q.key+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	response, err := oneShot.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.Header.Get("x-mns-request-id") == "" {
		t.Error("no x-mns-request-id")
	}
	return response.StatusCode, string(body)
}

// queues is a server whose reports wait in a queue.
type queues struct {
	*dyplstest.Server
	*clock

	t *testing.T
}

func newQueues(t *testing.T, config dyplstest.Config, calls int) queues {
	t.Helper()
	clock := &clock{now: time.Now().Truncate(time.Second)}
	config.Now = clock.Now
	config.Receipts.Queues = map[string]string{"SecretReport": reportQueue, "SecretRecording": recordingQueue}
	s := placed(t, config, calls)
	until(t, "the receipts to be in their queues", func() bool { return len(s.Receipts()) >= 2*calls })
	return queues{s, clock, t}
}

func (q queues) token(queue string) queueToken {
	q.t.Helper()
	u := newUnsigned("QueryTokenForMnsQueue", params{"MessageType": "SecretReport"}.with(params{"QueueName": queue}), q.Now())
	u.target = q.URL() + "/"
	response, err := http.DefaultClient.Do(u.v1().WithContext(q.t.Context()))
	if err != nil {
		q.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Code, Message   string
		MessageTokenDTO queueToken
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Code != "OK" {
		q.t.Fatalf("answer %+v, %v", answer, err)
	}
	return answer.MessageTokenDTO
}

// with is a request with a token.
func (q queues) with(k queueToken, method, path, body string) queueRequest {
	return queueRequest{method: method, path: path, body: body, key: k.AccessKeyId, secret: k.AccessKeySecret, token: k.SecurityToken,
		date: q.Now().UTC().Format(http.TimeFormat), version: "2015-06-06", content: "text/xml"}
}

type received struct {
	MessageId, ReceiptHandle, MessageBody, MessageBodyMD5                  string //nolint:revive // as above
	EnqueueTime, NextVisibleTime, FirstDequeueTime, DequeueCount, Priority int64
}

func (q queues) receive(k queueToken, query string) []received {
	q.t.Helper()
	status, body := q.with(k, http.MethodGet, "/queues/"+reportQueue+"/messages"+query, "").send(q.t, q.Server)
	if status == http.StatusNotFound && strings.Contains(body, "<Code>MessageNotExist</Code>") {
		return nil
	}
	var all struct {
		XMLName xml.Name   `xml:"http://mns.aliyuncs.com/doc/v1/ Messages"`
		Message []received `xml:"Message"`
	}
	if err := xml.Unmarshal([]byte(body), &all); err != nil || status != http.StatusOK {
		q.t.Fatalf("answer %d %s, %v", status, body, err)
	}
	return all.Message
}
