package httpapi

import (
	"net/http"
	"testing"
)

// checked is a transport that looks at every answer.
func checked(t *testing.T) http.RoundTripper {
	t.Helper()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}
