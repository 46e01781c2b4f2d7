package mns

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

const queue = "Alicom-Queue-1-SecretReport"

// filled is a queue with so many messages, a client of it, and its token.
func filled(t *testing.T, messages int, config dyplstest.Config) (*dyplstest.Server, *Client, Token) {
	t.Helper()
	config.Calls.Scale = 0.001
	config.Receipts.Queues = map[string]string{"SecretReport": queue}
	s := dyplstest.Start(t, config)
	api, err := aliyun.New(aliyun.Config{Endpoint: s.URL(), Credentials: aliyun.StaticCredentials(s.AccessKeyID, s.AccessKeySecret, "")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	binding, err := dypls.BindAXN.Call(t.Context(), api, dypls.BindAXNRequest{
		PoolKey: dyplstest.DefaultPoolKey, PhoneNoA: "13800000001", Expiration: dypls.At(time.Now().Add(time.Hour)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range messages {
		if _, err := s.PlaceCall(dyplstest.Dial{SubsID: binding.SubsID, Caller: "13800000002"}); err != nil {
			t.Fatal(err)
		}
	}
	redistest.Poll(t, time.Minute, "the messages", func(context.Context) error {
		if n := len(s.Receipts()); n < messages {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	token, err := dypls.QueryTokenForMNSQueue.Call(t.Context(), api, dypls.QueryTokenForMNSQueueRequest{MessageType: dypls.TypeSecretReport, QueueName: queue})
	if err != nil {
		t.Fatal(err)
	}
	client, err := New(Config{Endpoint: s.URL()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return s, client, token
}

// TestMessages: they are looked at, taken and deleted, by requests whose
// signatures the service verifies.
func TestMessages(t *testing.T) {
	t.Parallel()
	s, c, token := filled(t, 20, dyplstest.Config{})
	if seen, err := c.Peek(t.Context(), token, queue); err != nil || len(seen) != 1 || seen[0].Handle != "" || seen[0].Taken != 0 {
		t.Errorf("%+v, %v", seen, err)
	}
	all, err := c.Receive(t.Context(), token, queue, 0)
	if err != nil || len(all) != Most {
		t.Fatalf("%d messages, %v", len(all), err)
	}
	for _, m := range all {
		receipts, err := dypls.ParseReceiptMessage(dypls.TypeSecretReport, []byte(m.Body))
		if err != nil || len(receipts) != 1 || receipts[0].Err != nil || !m.Whole() || m.Taken != 1 || time.Since(m.Enqueued) > time.Hour {
			t.Errorf("%v, %v, %+v", receipts, err, m)
		}
		m.BodyMD5 = strings.Repeat("0", 32)
		if m.Whole() {
			t.Error("a body is whole whatever its checksum")
		}
	}
	rest, err := c.Receive(t.Context(), token, queue, time.Second)
	if err != nil || len(rest) != 4 {
		t.Fatalf("%d messages, %v", len(rest), err)
	}
	if none, err := c.Receive(t.Context(), token, queue, time.Second); err != nil || none != nil {
		t.Errorf("an empty queue: %v, %v", none, err)
	}
	handles := []string{"1-expired"}
	for _, m := range all[1:] {
		handles = append(handles, m.Handle)
	}
	// some that have expired keep none of the others
	if err := c.Delete(t.Context(), token, queue, handles); err != nil {
		t.Error(err)
	}
	for _, one := range [][]string{{all[0].Handle}, {all[0].Handle}, {rest[0].Handle, rest[1].Handle, rest[2].Handle, rest[3].Handle}, nil} {
		if err := c.Delete(t.Context(), token, queue, one); err != nil {
			t.Error(err)
		}
	}
	for _, r := range s.Receipts() {
		if r.Outcome != dyplstest.ReceiptDeleted {
			t.Errorf("%+v", r)
		}
	}
}

// TestRefusals: each is told apart, and none shows a secret.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s, c, token := filled(t, 1, dyplstest.Config{})
	ends := map[string]func(*Error) bool{"denied": (*Error).IsDenied, "no queue": (*Error).IsNoQueue, "clock": (*Error).IsClock}
	wrong, other := token, token
	wrong.AccessKeySecret, other.SecurityToken = "another-secret", "another-token"
	late := *c
	late.now = func() time.Time { return time.Now().Add(-time.Hour) }
	tests := map[string]struct {
		client *Client
		token  Token
		queue  string
		is     string
		code   string
	}{
		"another secret": {c, wrong, queue, "denied", "SignatureDoesNotMatch"}, "another token": {c, other, queue, "denied", "AccessDenied"},
		"another queue": {c, token, "Alicom-Queue-1-Other", "denied", "AccessDenied"}, "no token": {c, Token{}, queue, "denied", "InvalidAccessKeyId"},
		"a clock that is an hour behind": {&late, token, queue, "clock", "TimeExpired"},
	}
	for name, test := range tests {
		_, err := test.client.Receive(t.Context(), test.token, test.queue, 0)
		refused, is := errors.AsType[*Error](err)
		if !is || refused.Code != test.code || refused.RequestID == "" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for kind, matches := range ends {
			if matches(refused) != (kind == test.is) {
				t.Errorf("%s: is it %s? %t", name, kind, matches(refused))
			}
		}
		for _, secret := range []string{token.AccessKeySecret, token.SecurityToken, "another-"} {
			if text := fmt.Sprintf("%v %+v %#v", err, test.token, test.token); strings.Contains(text, secret) {
				t.Errorf("%s shows a secret: %s", name, text)
			}
		}
	}
	if r := s.Receipts()[0]; r.Fetched != 0 {
		t.Errorf("%+v", r)
	}
}

// TestAnswersThatAreNone: what answers in the queue's place is an error, of
// which nothing is repeated.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		body   string
	}{
		"a page": {200, "<html><body>13800000001</body></html>"}, "nothing": {200, ""}, "a page that refuses": {502, "<html>13800000001</html>"},
		"not found": {404, "13800000001"}, "a redirect": {302, ""}, "an error that holds a number": {403, "<Error><Code>X</Code><Message>13800000001</Message></Error>"},
		"a long one": {200, "<Messages>" + strings.Repeat(" ", maxAnswer) + "</Messages>"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			}))
			t.Cleanup(s.Close)
			c, err := New(Config{Endpoint: s.URL})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			messages, err := c.Receive(t.Context(), Token{}, queue, 0)
			if err == nil || messages != nil || strings.Contains(err.Error(), "13800000001") || strings.Contains(err.Error(), "html") {
				t.Errorf("%v, %v", messages, err)
			}
		})
	}
}

// TestNothingIsSentInTheClear: receipts hold telephone numbers.
func TestNothingIsSentInTheClear(t *testing.T) {
	t.Parallel()
	for endpoint, valid := range map[string]bool{
		"https://1.mns.example": true, "https://1.mns.example/": true, "http://127.0.0.1:1": true, "http://localhost": true,
		"http://1.mns.example": false, "1.mns.example": false, "ftp://h": false, "": false, "https://u:hush@h": false, "https://h/queues": false, "https://h?q": false,
	} {
		_, err := New(Config{Endpoint: endpoint + "\n"})
		if (err == nil) != valid || err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	if _, err := New(Config{Endpoint: "http://1.mns.example", Insecure: true}); err != nil {
		t.Error(err)
	}
}
