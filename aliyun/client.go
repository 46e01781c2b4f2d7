package aliyun

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
)

// Client sends signed requests to the API. It is safe for concurrent use, and meant to be kept: it
// holds the connections.
type Client struct {
	endpoint    *url.URL
	credentials Credentials
	timeout     time.Duration
	transport   *http.Transport
	clock       *clock
	nonce       func() string
	offset      clockOffset
}

var _ dypls.Caller = (*Client)(nil)

// New returns a client. It opens no connection and looks for no credentials yet.
// The error is a *[dypls.ValidationError] that holds everything wrong with the configuration.
func New(c Config) (*Client, error) {
	if problems := c.check(); len(problems) > 0 {
		return nil, &dypls.ValidationError{Problems: problems}
	}
	endpoint, _ := c.endpoint()
	client := &Client{
		endpoint:    endpoint,
		credentials: c.Credentials,
		timeout:     cmp.Or(c.Timeout, DefaultTimeout),
		clock:       c.clock,
		nonce:       c.nonce,
	}
	if client.credentials == nil {
		client.credentials = DefaultCredentials()
	}
	if client.clock == nil {
		client.clock = systemClock()
	}
	proxy, _ := c.proxy()
	client.transport = newTransport(
		cmp.Or(c.MaxConns, DefaultMaxConns),
		&dialer{roots: c.roots, time: c.tlsTime, proxy: proxy, clock: client.clock},
	)
	if client.nonce == nil {
		client.nonce = newNonce
	}
	return client, nil
}

// Close closes the idle connections. Calls under way go on.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}

// Format implements [fmt.Formatter]: no verb prints the credentials.
func (c *Client) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "aliyun.Client(%s)", hostOf(c.endpoint))
}

// Endpoint returns the scheme and the host that are called.
func (c *Client) Endpoint() string { return hostOf(c.endpoint) }

// CheckCredentials looks the credentials up, as the first call would. The error is
// [ErrNoCredentials] when there is no source of them at all, which waiting does not change; any
// other error is one that may pass.
func (c *Client) CheckCredentials(ctx context.Context) error {
	_, err := c.credentials.Get(ctx)
	return err
}

// Call implements [dypls.Caller]: it sends the call once, or not at all.
//
// It takes at most the client's timeout. The context ends it before its first byte has left; after
// that, only a call that does not mutate. A call that was noted more than two seconds before its
// first byte could leave is not sent.
func (c *Client) Call(ctx context.Context, call dypls.Call) (dypls.Answer, error) {
	a, own, stop := start(ctx, c.clock, call.Noted, call.Mutates, c.timeout)
	defer stop()
	a.maxBody = maxBodyOf(call)

	credential, err := c.credentials.Get(own)
	if err != nil {
		return dypls.Answer{}, c.failed(own, a, call, credential, nil, err)
	}
	req, err := c.sign(call, credential)
	if err != nil {
		return dypls.Answer{}, c.failed(own, a, call, credential, nil, err)
	}
	// The transport itself, not an http.Client: that would follow redirects, and put the whole URL
	// into its errors.
	resp, err := c.transport.RoundTrip(
		req.WithContext(httptrace.WithClientTrace(own, &httptrace.ClientTrace{
			GotConn: func(got httptrace.GotConnInfo) { a.arm(got.Conn) },
		})),
	)
	if err != nil {
		return dypls.Answer{}, c.failed(own, a, call, credential, nil, err)
	}
	defer func() { _ = resp.Body.Close() }()
	offset := c.offset.note(resp.Header, c.clock.read().wall)
	answer, err := readAnswer(resp, a.maxBody)
	if err != nil {
		return dypls.Answer{}, c.failed(own, a, call, credential, resp.Header, err)
	}
	_, _ = a.end(nil)
	answer.ClockOffset = offset
	if strings.HasPrefix(answer.Code, "InvalidSecurityToken") {
		if source, renews := c.credentials.(interface{ refused(used Credential) }); renews {
			source.refused(credential)
		}
	}
	return answer, nil
}

// failed says what is known about a call that brought no answer.
func (c *Client) failed(
	own context.Context,
	a *attempt,
	call dypls.Call,
	used Credential,
	header http.Header,
	err error,
) *dypls.Error {
	if cause := context.Cause(own); cause != nil {
		err = cause
	}
	mayHaveLeft, err := a.end(err)
	e := &dypls.Error{
		Action: call.Action, Class: dypls.Unavailable, Code: dypls.CodeNotSent,
		Err: newCause(err, call.Parameters, used),
	}
	if mayHaveLeft {
		e.Code, e.RetryAfter = dypls.CodeNoAnswer, retryAfter(header)
		e.RequestID = requestID(header.Get(requestIDHeader))
		if call.Mutates {
			e.Class = dypls.Uncertain
		}
	}
	return e
}
