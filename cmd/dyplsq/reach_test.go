package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestReachCallsNoAction: what doctor sends has no signature and no parameter; the answer's clock
// is read, whatever its status.
func TestReachCallsNoAction(t *testing.T) {
	t.Parallel()
	date := time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)
	var asked []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r)
		w.Header().Set("Date", date.Format(http.TimeFormat))
		w.Header().Set("Location", "http://127.0.0.1:1/")
		w.WriteHeader(http.StatusFound)
	}))
	defer server.Close()
	reached, err := apiFlags{Endpoint: server.URL + "\n"}.reach(t.Context())
	if err != nil || !reached.Clock.Equal(date) || reached.Via != "" || len(asked) != 1 {
		t.Fatalf("%+v %v, %d requests", reached, err, len(asked))
	}
	if r := asked[0]; r.Method != http.MethodHead || r.URL.RawQuery != "" || r.Header.Get("Authorization") != "" || r.ContentLength > 0 {
		t.Errorf("%+v", r)
	}
	if _, err := (apiFlags{Endpoint: "http://127.0.0.1:1"}).reach(t.Context()); err == nil || strings.Contains(err.Error(), "http://") {
		t.Error(err)
	}
}

// TestDoctorReachesTheAPIThroughItsProxy: as a worker does, and tells the proxy without its
// password.
func TestDoctorReachesTheAPIThroughItsProxy(t *testing.T) {
	t.Parallel()
	var asked string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.Host
		w.WriteHeader(http.StatusForbidden)
	}))
	defer proxy.Close()
	host := strings.TrimPrefix(proxy.URL, "http://")
	r := systemtest.Run(t, systemtest.CleanEnv("HTTPS_PROXY="+(&url.URL{Scheme: "http", User: url.UserPassword("ann", "proxy-secret"), Host: host}).String(), "NO_PROXY=",
		"REDIS_URL=redis://127.0.0.1:1/0", "DYPLSQ_ENDPOINT=https://api.invalid"), "", "doctor")
	if asked != "CONNECT api.invalid:443" || !strings.Contains(r.Out, "cannot be reached, through the proxy "+host) || strings.Contains(r.Out+r.Errors, "proxy-secret") {
		t.Errorf("asked %q:\n%s%s", asked, r.Out, r.Errors)
	}
}
