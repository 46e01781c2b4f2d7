package aliyun

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
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
func newTransport(maxConns int, roots *x509.CertPool) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout}
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, RootCAs: roots,
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		// No proxy, not even the environment's: with one, it would be the proxy that answers for the API,
		// and the user and password of a proxy's URL would travel to the origin in a header.
		Proxy: nil,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			raw, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &conn{Conn: raw}, nil
		},
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			raw, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			secured, err := handshake(ctx, raw, address, config)
			if err != nil {
				return nil, errors.Join(err, raw.Close())
			}
			return &conn{Conn: secured}, nil
		},
		Protocols:              protocols,
		DisableCompression:     true,
		MaxConnsPerHost:        maxConns,
		MaxIdleConnsPerHost:    maxConns,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
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
