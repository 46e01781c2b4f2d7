package dyplstest

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
)

// TB is the part of [testing.TB] that [Start] needs.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Server is a [Simulator] behind a real HTTP server on a free loopback port.
type Server struct {
	*Simulator
	// AccessKeyID, AccessKeySecret and SecurityToken are the credentials that it accepts.
	AccessKeyID, AccessKeySecret, SecurityToken string

	url    string
	http   *http.Server
	served chan struct{}
}

// Start starts a server for a test, which ends it when the test ends.
func Start(tb TB, c Config) *Server {
	tb.Helper()
	s, err := Serve(c)
	if err != nil {
		tb.Fatalf("%v", err)
		return nil // where Fatalf returns
	}
	tb.Cleanup(s.Close)
	return s
}

// Serve starts a server. [Server.Close] ends it.
func Serve(c Config) (*Server, error) {
	simulator, err := New(c)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c = simulator.config
	s := &Server{
		Simulator:       simulator,
		AccessKeyID:     c.AccessKeyID,
		AccessKeySecret: c.AccessKeySecret,
		SecurityToken:   c.SecurityToken,
		url:             "http://" + listener.Addr().String(),
		//nolint:gosec // loopback only; a hang may last
		http: &http.Server{
			Handler:  simulator.Handler(),
			ErrorLog: log.New(io.Discard, "", 0),
		},
		served: make(chan struct{}),
	}
	simulator.address = s.url
	go func() {
		defer close(s.served)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			_ = listener.Close() // clients see it: connection refused
		}
	}()
	return s, nil
}

// URL returns where the server is, such as http://127.0.0.1:41234.
func (s *Server) URL() string { return s.url }

// Close ends the server and every call that hangs.
func (s *Server) Close() {
	s.Simulator.Close()
	_ = s.http.Close()
	<-s.served
}
