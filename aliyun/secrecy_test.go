package aliyun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// What must never be seen.
const (
	markedNumber = "15912345678"
	markedShort  = "95187"
	markedSecret = "marked-secret-Aa1"
	markedToken  = "marked-token-Bb2"
)

func checkShown(t *testing.T, what string, v any) {
	t.Helper()
	texts := []string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, v))
	}
	if _, isConfig := v.(Config); !isConfig { // JSON gives an endpoint as it is
		if data, err := json.Marshal(v); err == nil {
			texts = append(texts, string(data))
		}
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("shown", "value", v)
	texts = append(texts, log.String())
	for _, text := range texts {
		for _, secret := range []string{markedNumber, markedShort, markedSecret, markedToken, "PhoneNoA=", "/?"} {
			if strings.Contains(text, secret) || len(secret) > 4 && strings.Contains(text, fmt.Sprintf("%x", secret)) {
				t.Errorf("%s shows %q: %s", what, secret, text)
			}
		}
	}
}

// Every failure that a server can provoke, by one that repeats all it was told.
func TestErrors_showNothing(t *testing.T) {
	t.Parallel()
	answers := map[string]string{ // %[1]s: the request's first line, the number and the secrets
		"status line":        "%[1]s\r\n\r\n",
		"status":             "HTTP/1.1 %[1]s\r\n\r\n",
		"header name":        "HTTP/1.1 200 OK\r\n%[1]s\r\n\r\n",
		"length":             "HTTP/1.1 200 OK\r\nContent-Length: %[1]s\r\n\r\n",
		"encoding":           "HTTP/1.1 200 OK\r\nTransfer-Encoding: %[1]s\r\n\r\n",
		"chunk":              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%[1]s\r\n",
		"redirect":           "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1/%[1]s\r\nContent-Length: 0\r\n\r\n",
		"redirect, no URL":   "HTTP/1.1 307 Temporary Redirect\r\nLocation: ://%[1]s\r\nContent-Length: 0\r\n\r\n",
		"page":               "HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n<html>%[1]s",
		"request ID":         "HTTP/1.1 502 Bad Gateway\r\nx-acs-request-id: %[1]s\r\nContent-Length: 0\r\n\r\n",
		"rate limit":         "HTTP/1.1 502 Bad Gateway\r\nx-ratelimit-user: TimeLeft:%[1]s\r\nContent-Length: 0\r\n\r\n",
		"object, no Code":    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"Message\":\"%[1]s\"}",
		"object, broken off": "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{\"Code\":\"%[1]s\"}",
		"not JSON":           "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"Code\":%[1]s}",
		"nothing":            "",
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint := listen(t, func(c net.Conn) {
				request := make([]byte, 4096)
				n, _ := c.Read(request)
				line, _, _ := strings.Cut(string(request[:n]), "\r\n")
				if answer != "" {
					_, _ = fmt.Fprintf(c, answer, line+" "+markedNumber+" "+markedShort+" "+markedSecret+" "+markedToken)
				}
			})
			checkFailure(t.Context(), t, endpoint, nil)
		})
	}

	secured := httptest.NewUnstartedServer(nil)
	secured.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secured.StartTLS()
	t.Cleanup(secured.Close)
	done, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no more need of " + markedNumber))
	for name, test := range map[string]struct {
		endpoint string
		change   func(*Config)
		ctx      context.Context
	}{
		"refused":      {refusing, nil, t.Context()},
		"certificate":  {secured.URL, nil, t.Context()},
		"context done": {refusing, nil, done},
		"credentials": {refusing, func(c *Config) {
			c.Credentials = credentialsFunc(func(context.Context) (Credential, error) {
				return Credential{AccessKeySecret: markedSecret}, errors.New("cannot use " + markedSecret + " of " + markedNumber)
			})
		}, t.Context()},
		"token with a line break": {refusing, func(c *Config) {
			c.Credentials = credentialsFunc(func(context.Context) (Credential, error) {
				return Credential{AccessKeyID: testID, AccessKeySecret: markedSecret, SecurityToken: markedToken + "\n"}, nil
			})
		}, t.Context()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkFailure(test.ctx, t, test.endpoint, test.change)
		})
	}
}

func checkFailure(ctx context.Context, t *testing.T, endpoint string, change func(*Config)) {
	t.Helper()
	client := newClient(t, endpoint, func(c *Config) {
		c.Timeout = 500 * time.Millisecond
		c.Credentials = StaticCredentials(testID, markedSecret, markedToken)
		if change != nil {
			change(c)
		}
	})
	_, err := client.Call(ctx, dypls.Call{Action: "BindAxn", Mutates: true, Parameters: dypls.Parameters{
		{Name: "PhoneNoA", Value: markedNumber, Personal: true},
		{Name: "PhoneNoX", Value: markedShort, Personal: true},
	}})
	if err == nil {
		t.Fatal("the call did not fail")
	}
	for ; err != nil; err = errors.Unwrap(err) {
		checkShown(t, "the error", err)
	}
}

func TestConfig_showsNothing(t *testing.T) {
	t.Parallel()
	static := StaticCredentials(testID, markedSecret, markedToken)
	credential, err := static.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	config := Config{Credentials: static}
	client := newClient(t, DefaultEndpoint, func(c *Config) { c.Credentials = static })
	type private struct {
		config      Config
		client      *Client
		credentials Credentials
	}
	for name, v := range map[string]any{
		"the credentials":       static,
		"the credential":        credential,
		"its pointer":           &credential,
		"the configuration":     config,
		"a bad configuration":   Config{Endpoint: "https://u:" + markedSecret + "@host/" + markedNumber, Credentials: static},
		"the client":            client,
		"a caller's own struct": private{config, client, static},
		"a slice of them":       []any{config, &config, client, static},
		"default credentials":   &defaultCredentials{lookups: lookups{last: hide(credential)}},
		"a profile's private":   struct{ c Credentials }{&profileCredentials{name: "shop", lookups: lookups{last: hide(credential)}}},
		"the default's private": struct{ c Credentials }{&defaultCredentials{lookups: lookups{last: hide(credential)}}},
	} {
		checkShown(t, name, v)
	}
	if got := fmt.Sprint(credential); !strings.Contains(got, "LTAI***") {
		t.Errorf("the credential prints as %s", got)
	}
	if got := fmt.Sprint(client); got != "aliyun.Client("+DefaultEndpoint+")" {
		t.Errorf("the client prints as %s", got)
	}
}
