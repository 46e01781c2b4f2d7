package aliyun

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"
)

// dialer opens connections. Until one is there, and secured where it must be, no byte of a request
// is in it.
type dialer struct {
	roots *x509.CertPool
	time  func() time.Time // nil for the machine's
	proxy *url.URL         // nil for none
	clock *clock
}

func (d *dialer) plain(ctx context.Context, network, address string) (net.Conn, error) {
	raw, err := d.tcp(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return d.guarded(raw), nil
}

func (*dialer) tcp(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, network, address)
}

func (d *dialer) secured() func(ctx context.Context, network, address string) (net.Conn, error) {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, RootCAs: d.roots, Time: d.time,
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := d.reach(ctx, network, address)
		if err != nil {
			return nil, err
		}
		secured, err := handshake(ctx, raw, address, config)
		if err != nil {
			return nil, errors.Join(explainTLS(err), raw.Close())
		}
		return d.guarded(secured), nil
	}
}

// reach opens a connection to the address, through the proxy where there is one.
func (d *dialer) reach(ctx context.Context, network, address string) (net.Conn, error) {
	if d.proxy == nil {
		return d.tcp(ctx, network, address)
	}
	raw, err := d.tcp(ctx, network, d.proxy.Host)
	if err != nil {
		return nil, fmt.Errorf("the proxy %s: %w", d.proxy.Host, err)
	}
	if err := tunnel(ctx, raw, address, d.proxy.User); err != nil {
		return nil, errors.Join(fmt.Errorf("the proxy %s: %w", d.proxy.Host, err), raw.Close())
	}
	return raw, nil
}

// maxProxyAnswer bounds what a proxy may say.
const maxProxyAnswer = 8 << 10

var errProxyTalks = errors.New("it sent more than its answer to CONNECT")

// tunnel asks a proxy to pass on what follows. The proxy is told the address and who asks, nothing
// else; what passes is encrypted for the API, so that no proxy can answer for it.
func tunnel(ctx context.Context, raw net.Conn, address string, user *url.Userinfo) error {
	ctx, cancel := context.WithTimeout(ctx, tlsTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	err := connect(raw, address, user)
	if !stop() { // the deadline stands
		return fmt.Errorf("no answer to CONNECT in time: %w", context.Cause(ctx))
	}
	return err
}

func connect(raw net.Conn, address string, user *url.Userinfo) error {
	request := &http.Request{
		Method: http.MethodConnect,
		URL:    &url.URL{Opaque: address},
		Host:   address,
		Header: http.Header{"User-Agent": {"dyplsq"}},
	}
	if user != nil {
		password, _ := user.Password()
		request.Header.Set(
			"Proxy-Authorization",
			"Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)),
		)
	}
	if err := request.Write(raw); err != nil {
		return err
	}
	reader := bufio.NewReader(&boundedReader{raw, maxProxyAnswer})
	resp, err := http.ReadResponse(reader, request)
	if err != nil {
		return fmt.Errorf("no answer to CONNECT: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode == http.StatusProxyAuthRequired:
		return errors.New("HTTP 407: it wants a user and a password: write them into its URL")
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("HTTP %d to CONNECT: let it pass on connections to the API", resp.StatusCode)
	case reader.Buffered() > 0: // the API does not speak first
		return errProxyTalks
	}
	return nil
}

// boundedReader reads so many bytes at most.
type boundedReader struct {
	from net.Conn
	left int
}

func (r *boundedReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errProxyTalks
	}
	n, err := r.from.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// guarded puts what decides about each byte on top of a connection.
func (d *dialer) guarded(opened net.Conn) *conn {
	life := connLife + rand.N(connLife/2) //nolint:gosec // spreads load; guards nothing
	return &conn{Conn: opened, retires: retirement{d.clock, d.clock.read().mono + life}}
}

func handshake(
	ctx context.Context,
	raw net.Conn,
	address string,
	config *tls.Config,
) (*tls.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	config = config.Clone()
	config.ServerName = host
	ctx, cancel := context.WithTimeout(ctx, tlsTimeout)
	defer cancel()
	secured := tls.Client(raw, config)
	return secured, secured.HandshakeContext(ctx)
}

// tlsError is a handshake that failed, with what to do about it.
type tlsError struct {
	remedy string
	err    error
}

func (e tlsError) Error() string { return e.err.Error() + ": " + e.remedy }

func (e tlsError) Unwrap() error { return e.err }

// explainTLS adds the remedy to what it knows one for.
func explainTLS(err error) error {
	if _, is := errors.AsType[tls.RecordHeaderError](err); is {
		return tlsError{
			"the other side does not speak TLS: check the endpoint's port, and whether something on the way answers for it",
			err,
		}
	}
	if _, is := errors.AsType[x509.HostnameError](err); is {
		return tlsError{"check the endpoint's host, and whether something on the way answers for it", err}
	}
	if _, is := errors.AsType[x509.UnknownAuthorityError](err); is {
		return tlsError{
			"install this machine's certificates of authorities (ca-certificates), or add that of a proxy which opens TLS (SSL_CERT_FILE)",
			err,
		}
	}
	if invalid, is := errors.AsType[x509.CertificateInvalidError](err); is &&
		invalid.Reason == x509.Expired {
		return tlsError{
			"compare this machine's clock; if it is right, the endpoint's certificate must be renewed",
			err,
		}
	}
	return err
}
