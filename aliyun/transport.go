package aliyun

import (
	"net/http"
	"time"
)

const (
	dialTimeout = 3 * time.Second
	tlsTimeout  = 5 * time.Second
	// idleTimeout is Alibaba's own. A short one keeps requests from being written to connections that
	// the other side has closed.
	idleTimeout = 10 * time.Second
	// maxHeaderBytes bounds the headers of an answer.
	maxHeaderBytes = 64 << 10
)

// newTransport returns a transport whose every connection is a *conn.
func newTransport(maxConns int, dial *dialer) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		// The dialer goes through a proxy, by CONNECT: here it would be the proxy that answers for the
		// API where that is plain, and its CONNECT would be a byte that no attempt allowed.
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
