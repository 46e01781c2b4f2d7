// Package mns takes messages from queues of Alibaba Cloud's message service (MNS, now Simple
// Message Queue) and deletes them, over net/http: one request a call, never a second one.
package mns

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/internal/setting"
)

const (
	// Most is how many messages one request receives or deletes.
	Most = 16
	// LongestWait is how long a queue waits for a message at most.
	LongestWait = 30 * time.Second
	// patience is how much longer an answer is waited for.
	patience = 5 * time.Second
	// maxAnswer is above the 16 messages of 64 KB that an answer may have, in base64.
	maxAnswer = 4 << 20

	dialWithin = 3 * time.Second
	tlsWithin  = 5 * time.Second
	idleFor    = time.Minute
	maxHead    = 64 << 10
)

// Token opens one queue.
type Token = dypls.QueueToken

// Config says where the queues are.
type Config struct {
	// Endpoint is a scheme and a host, with a port where it is not the scheme's own. Plain http:// is
	// for a loopback address, or with Insecure.
	Endpoint string
	Insecure bool
	// Proxy is asked for the proxy of each connection; nil for none.
	Proxy func(*http.Request) (*url.URL, error)
}

// Client asks queues. It is safe for concurrent use.
type Client struct {
	endpoint  *url.URL
	transport *http.Transport
	now       func() time.Time
}

// New returns a client. It opens no connection. The error names what is wrong with the endpoint.
func New(c Config) (*Client, error) {
	endpoint, err := c.endpoint()
	if err != nil {
		return nil, err
	}
	return &Client{
		endpoint: endpoint,
		transport: &http.Transport{
			Proxy:                  c.Proxy,
			DialContext:            (&net.Dialer{Timeout: dialWithin}).DialContext,
			TLSHandshakeTimeout:    tlsWithin,
			IdleConnTimeout:        idleFor,
			MaxIdleConnsPerHost:    Most,
			MaxResponseHeaderBytes: maxHead,
			DisableCompression:     true,
		},
		now: time.Now,
	}, nil
}

// endpoint does not repeat what it refuses: it may hold a password.
func (c Config) endpoint() (*url.URL, error) {
	endpoint, err := url.Parse(strings.TrimSpace(c.Endpoint))
	switch {
	case err != nil || endpoint.Hostname() == "" || endpoint.User != nil ||
		strings.Trim(endpoint.Path, "/") != "" || endpoint.RawQuery != "" || endpoint.Fragment != "",
		endpoint.Scheme != "https" && endpoint.Scheme != "http":
		return nil, errors.New("the endpoint must be a scheme and a host: write it like https://host")
	case endpoint.Scheme == "http" && !c.Insecure && !setting.IsLoopback(endpoint.Hostname()):
		return nil, errors.New(
			"the endpoint must be https:// for another machine, because receipts hold telephone numbers: use https://, or allow plain text with Insecure",
		)
	}
	return &url.URL{Scheme: endpoint.Scheme, Host: endpoint.Host}, nil
}

// Close closes the connections that nobody uses.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Receive takes up to [Most] messages, which are hidden from others for a while. Where there are
// none it waits for one, in whole seconds and [LongestWait] at most. An empty queue is no error.
func (c *Client) Receive(
	ctx context.Context,
	t Token,
	queue string,
	wait time.Duration,
) ([]Message, error) {
	seconds := int(min(wait, LongestWait) / time.Second)
	query := "numOfMessages=" + strconv.Itoa(Most) + "&waitseconds=" + strconv.Itoa(seconds)
	return c.messages(ctx, t, queue, query, time.Duration(seconds)*time.Second)
}

// Peek looks at a message, or none, without taking it.
func (c *Client) Peek(ctx context.Context, t Token, queue string) ([]Message, error) {
	return c.messages(ctx, t, queue, "numOfMessages=1&peekonly=true", 0)
}

func (c *Client) messages(
	ctx context.Context,
	t Token,
	queue, query string,
	wait time.Duration,
) ([]Message, error) {
	body, err := c.do(ctx, t, http.MethodGet, queue, query, "", wait)
	if code, is := errors.AsType[*Error](err); is && code.Code == codeNoMessage {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var answer xmlMessages
	if err := xml.Unmarshal(body, &answer); err != nil {
		return nil, errors.New("the answer of the queue is no list of messages") // the decoder repeats it
	}
	return answer.all(), nil
}

// Delete deletes messages, by their handles. That one has expired is no error: its message comes
// again.
func (c *Client) Delete(ctx context.Context, t Token, queue string, handles []string) error {
	query, body := "", ""
	switch len(handles) {
	case 0:
		return nil
	case 1:
		query = "ReceiptHandle=" + url.QueryEscape(handles[0])
	default:
		encoded, _ := xml.Marshal(xmlHandles{Handles: handles}) // strings always can be encoded
		body = xml.Header + string(encoded)
	}
	_, err := c.do(ctx, t, http.MethodDelete, queue, query, body, 0)
	if failed, is := errors.AsType[*Error](err); is && isExpired(failed.Code) {
		return nil
	}
	return err
}

// do sends one request, and returns the body of an answer that is none of an error.
func (c *Client) do(
	ctx context.Context,
	t Token,
	method, queue, query, body string,
	wait time.Duration,
) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+patience)
	defer cancel()
	target := *c.endpoint
	target.Path, target.RawQuery = "/queues/"+queue+"/messages", query
	r, err := http.NewRequestWithContext(ctx, method, target.String(), strings.NewReader(body))
	if err != nil {
		return nil, errors.New("the queue's name cannot stand in a URL")
	}
	if body != "" {
		r.Header.Set("Content-Type", "text/xml")
	}
	r.Header.Set("User-Agent", "dyplsq")
	sign(r, t, c.now())
	// The transport itself, not an http.Client: that would follow redirects.
	response, err := c.transport.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("no answer of the queue: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("no whole answer of the queue: %w", err)
	case len(answer) > maxAnswer:
		return nil, fmt.Errorf("the answer of the queue has more than %d bytes", maxAnswer)
	case response.StatusCode/100 == http.StatusOK/100:
		return answer, nil
	}
	return nil, errorOf(response, answer)
}

// errorOf is what an answer says is wrong: of a batch, the first that is more than
// a handle that has expired.
func errorOf(response *http.Response, body []byte) *Error {
	e := &Error{Status: response.StatusCode, RequestID: response.Header.Get("X-Mns-Request-Id")}
	var one xmlError
	var many xmlErrors
	switch {
	case xml.Unmarshal(body, &one) == nil:
		e.Code, e.Message, e.RequestID = one.Code, one.Message, cmp.Or(e.RequestID, one.RequestID)
	case xml.Unmarshal(body, &many) == nil:
		for _, failed := range many.Errors {
			if e.Code == "" || isExpired(e.Code) {
				e.Code, e.Message = failed.Code, failed.Message
			}
		}
	}
	return e
}
