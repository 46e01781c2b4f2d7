package aliyun

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

func wantError(t *testing.T, err error, class dypls.Class, code string, is error) {
	t.Helper()
	e, ok := errors.AsType[*dypls.Error](err)
	if !ok {
		t.Fatalf("the error is %T %v, want a *dypls.Error", err, err)
	}
	if e.Class != class || e.Code != code {
		t.Errorf("the error is %s of class %s (%v), want %s of class %s", e.Code, e.Class, e, code, class)
	}
	if is != nil && !errors.Is(err, is) {
		t.Errorf("the error %v is not %v", err, is)
	}
}

// Every way of not getting out is told as such, for sure, and nothing has arrived.
func TestCall_notSent(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the test says so")
	cancel(why)
	old := bind()
	old.Noted = time.Now().Add(-maxAge - time.Millisecond)
	ahead := bind()
	ahead.Noted = time.Now().Add(time.Minute)
	server, seen := serve(t, false, answerOK)
	secured, securedSeen := serve(t, true, answerOK)
	outdated := httptest.NewUnstartedServer(http.HandlerFunc(answerOK))
	outdated.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	outdated.Config.ErrorLog = secured.Config.ErrorLog
	outdated.StartTLS()
	t.Cleanup(outdated.Close)

	tests := map[string]struct {
		endpoint string
		change   func(*Config)
		ctx      context.Context
		call     dypls.Call
		is       error
	}{
		"refused":                  {endpoint: refusing},
		"no such host":             {endpoint: "https://nothing.invalid"},
		"certificate unknown":      {endpoint: secured.URL},
		"TLS too old":              {endpoint: outdated.URL, change: trusting(outdated)},
		"not TLS at all":           {endpoint: strings.Replace(server.URL, "http", "https", 1)},
		"context done":             {endpoint: server.URL, ctx: cancelled, is: why},
		"noted too long ago":       {endpoint: server.URL, call: old},
		"noted in the future":      {endpoint: server.URL, call: ahead},
		"noted by wall clock only": {endpoint: server.URL, call: dypls.Call{Action: "BindAxn", Noted: old.Noted.Round(0)}},
		"credentials that fail": {endpoint: server.URL, is: why, change: func(c *Config) {
			c.Credentials = credentialsFunc(func(context.Context) (Credential, error) { return Credential{}, why })
		}},
		"credentials that hang": {
			endpoint: server.URL, is: context.DeadlineExceeded, change: func(c *Config) {
				c.Timeout = 50 * time.Millisecond
				c.Credentials = credentialsFunc(func(ctx context.Context) (Credential, error) {
					<-ctx.Done()
					return Credential{}, ctx.Err()
				})
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.ctx == nil {
				test.ctx = t.Context()
			}
			if test.call.Action == "" {
				test.call = bind()
			}
			_, err := newClient(t, test.endpoint, test.change).Call(test.ctx, test.call)
			wantError(t, err, dypls.Unavailable, dypls.CodeNotSent, test.is)
		})
	}
	t.Cleanup(func() {
		for _, s := range []*arrivals{seen, securedSeen} {
			if n, _ := s.count(); n != 0 {
				t.Errorf("%d requests arrived", n)
			}
		}
	})
}

type credentialsFunc func(context.Context) (Credential, error)

func (f credentialsFunc) Get(ctx context.Context) (Credential, error) { return f(ctx) }

// A call that waits for a connection has not been sent, and leaves the queue when it is too old to
// be.
func TestCall_waitsForAConnection(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	server, seen := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-release
		answerOK(w, r)
	})
	client := newClient(t, server.URL, func(c *Config) { c.MaxConns = 1 })
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := client.Call(t.Context(), bind()); err != nil {
			t.Error(err)
		}
	})
	<-arrived
	brief, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := client.Call(brief, bind())
	wantError(t, err, dypls.Unavailable, dypls.CodeNotSent, context.DeadlineExceeded)

	aged := bind()
	aged.Noted = time.Now().Add(-maxAge + time.Second)
	_, err = client.Call(t.Context(), aged)
	wantError(t, err, dypls.Unavailable, dypls.CodeNotSent, context.DeadlineExceeded)
	close(release)
	first.Wait()
	if n, _ := seen.count(); n != 1 {
		t.Errorf("%d requests arrived, want the first alone", n)
	}
}

func TestCall_answered(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		header http.Header
		body   string
		want   dypls.Answer
	}{
		"OK": {200, nil, okBody, dypls.Answer{Code: "OK", Message: "OK", RequestID: "8906582E-6722-4A3D-A1B2-0123456789AB"}},
		"gateway": {400, http.Header{"X-Ratelimit-User-Api": {"Limit:100,Remain:0,TimeLeft:1500,Reset:2"}, "X-Ratelimit-User": {"TimeLeft:700"}},
			`{"Code":"Throttling.User","Message":"Request was denied.","RequestId":"A-1","HostId":"dyplsapi.aliyuncs.com"}`,
			dypls.Answer{Code: "Throttling.User", Message: "Request was denied.", RequestID: "A-1", HostID: "dyplsapi.aliyuncs.com", RetryAfter: 1500 * time.Millisecond}},
		"lower case": {200, nil, `{"code":"isv.FLOW_LIMIT","message":"slow","requestId":"B-2"}`, dypls.Answer{Code: "isv.FLOW_LIMIT", Message: "slow", RequestID: "B-2"}},
		"5xx":        {500, http.Header{"X-Acs-Request-Id": {"C-3"}}, `{"Code":"InternalError"}`, dypls.Answer{Code: "InternalError", RequestID: "C-3"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _ := serve(t, true, func(w http.ResponseWriter, _ *http.Request) {
				maps.Copy(w.Header(), test.header)
				w.WriteHeader(test.status)
				_, _ = fmt.Fprint(w, test.body)
			})
			got, err := callPatiently(t, newClient(t, server.URL, trusting(server)), bind())
			if err != nil {
				t.Fatal(err)
			}
			got.ClockOffset = 0 // a second more or less
			test.want.Status, test.want.Body = test.status, []byte(test.body)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

// What is sent and brings nothing usable is a doubt for a call that changes something, and none for
// one that does not.
func TestCall_noAnswer(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(" ", defaultMaxBody)
	tests := map[string]string{ // raw answers
		"closed":             "",
		"garbage":            "hello " + testNumber + "\r\n\r\n",
		"5xx HTML":           "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>",
		"307":                "HTTP/1.1 307 Temporary Redirect\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
		"301":                "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		"empty 200":          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"204":                "HTTP/1.1 204 No Content\r\n\r\n",
		"101":                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + okBody,
		"array":              "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n[{\"Code\":\"OK\"}] ",
		"string":             "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\"OK\"",
		"null":               "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
		"no Code":            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"empty Code":         "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"Code\":\"\"}",
		"numeric Code":       "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"Code\":200}",
		"two objects":        "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{\"Code\":\"OK\"}{\"Code\":\"OK\"}",
		"invalid UTF-8":      "HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{\"Code\":\"OK\",\"Message\":\"\xff12\"}",
		"truncated":          "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n" + okBody,
		"truncated chunks":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n", len(okBody), okBody),
		"more than 64 KiB":   fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s%s", len(long)+len(okBody), long, okBody),
		"compressed":         "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
		"endless headers":    "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 2*maxHeaderBytes) + "\r\n\r\n" + okBody,
		"half a status line": "HTTP/1.1 2",
	}
	for name, raw := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen arrivals
			endpoint := listen(t, func(c net.Conn) { answerRaw(c, &seen, raw) })
			_, err := callPatiently(t, newClient(t, endpoint, nil), bind())
			wantError(t, err, dypls.Uncertain, dypls.CodeNoAnswer, nil)
			_, err = callPatiently(t, newClient(t, endpoint, nil), query())
			wantError(t, err, dypls.Unavailable, dypls.CodeNoAnswer, nil)
			if n, _ := seen.count(); n != 2 {
				t.Errorf("%d requests arrived for two calls", n)
			}
		})
	}
}

func TestCall_noAnswerNamesTheRequest(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, false, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-acs-request-id", "8906582E-6722")
		w.Header().Set("x-ratelimit-user", "TimeLeft:250")
		w.WriteHeader(http.StatusBadGateway)
	})
	_, err := newClient(t, server.URL, nil).Call(t.Context(), bind())
	e, _ := errors.AsType[*dypls.Error](err)
	if e == nil || e.RequestID != "8906582E-6722" || e.RetryAfter != 250*time.Millisecond || e.Action != "BindAxn" {
		t.Errorf("the error is %+v", e)
	}
}

// The answer to a call that changes something is worth more than the caller's haste.
func TestCall_isNotCutOnceSent(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"cancelled": context.WithCancel,
		"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 3*time.Second) // within which a busy machine has sent it
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := begin(t.Context())
			defer cancel()
			server, _ := serve(t, false, func(w http.ResponseWriter, r *http.Request) {
				if name == "cancelled" {
					cancel()
				}
				<-ctx.Done()
				answerOK(w, r)
			})
			answer, err := newClient(t, server.URL, nil).Call(ctx, bind())
			if err != nil || answer.Code != "OK" {
				t.Errorf("answer %v, error %v", answer.Code, err)
			}
		})
	}
}

func TestCall_readIsCut(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server, _ := serve(t, false, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done() // the client hung up
	})
	_, err := newClient(t, server.URL, nil).Call(ctx, query())
	wantError(t, err, dypls.Unavailable, dypls.CodeNoAnswer, context.Canceled)
}

func TestCall_timeout(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, false, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	var err error
	for timeout := 100 * time.Millisecond; timeout < maxAge; timeout *= 2 {
		_, err = newClient(t, server.URL, func(c *Config) { c.Timeout = timeout }).Call(t.Context(), bind())
		if !leftTooLate(err) { // else it was over before anything had left, as happens on a busy machine
			break
		}
	}
	wantError(t, err, dypls.Uncertain, dypls.CodeNoAnswer, context.DeadlineExceeded)
}

// The caller gives up at the last moment before the first byte: nothing leaves.
func TestCall_cancelledBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	server, seen := serve(t, false, answerOK)
	client := newClient(t, server.URL, nil)
	// so that the second has a connection at once
	if _, err := client.Call(t.Context(), bind()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := client.Call(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { cancel() }}), bind())
	wantError(t, err, dypls.Unavailable, dypls.CodeNotSent, context.Canceled)
	if n, _ := seen.count(); n != 1 {
		t.Errorf("%d requests arrived, want the first alone", n)
	}
}
