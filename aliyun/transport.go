package aliyun

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

const (
	dialTimeout = 3 * time.Second
	tlsTimeout  = 5 * time.Second
	// idleTimeout is Alibaba's own. A short one keeps requests from being written to connections that the other side has closed.
	idleTimeout = 10 * time.Second
	// maxHeaderBytes bounds the headers of an answer.
	maxHeaderBytes = 64 << 10
)

// newTransport returns a transport whose every connection is a *conn.
func newTransport(maxConns int, dial *dialer) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		// No proxy, not even the environment's: with one, it would be the proxy that answers for the API,
		// and the user and password of a proxy's URL would travel to the origin in a header.
		Proxy:                  nil,
		DialContext:            dial.plain,
		DialTLSContext:         dial.secured(),
		Protocols:              protocols,
		DisableCompression:     true,
		MaxConnsPerHost:        maxConns,
		MaxIdleConnsPerHost:    maxConns,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// dialer opens connections.
type dialer struct {
	roots *x509.CertPool
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
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, RootCAs: d.roots,
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := d.tcp(ctx, network, address)
		if err != nil {
			return nil, err
		}
		secured, err := handshake(ctx, raw, address, config)
		if err != nil {
			return nil, errors.Join(err, raw.Close())
		}
		return d.guarded(secured), nil
	}
}

// guarded puts what decides about each byte on top of a connection.
func (d *dialer) guarded(opened net.Conn) *conn {
	life := connLife + rand.N(connLife/2) //nolint:gosec // spreads load; guards nothing
	return &conn{Conn: opened, retires: retirement{d.clock, d.clock.read().mono + life}}
}

func handshake(ctx context.Context, raw net.Conn, address string, config *tls.Config) (*tls.Conn, error) {
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
