package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dypls"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/dashboard"
)

const (
	readHeaderTimeout = 10 * time.Second
	closeTimeout      = 5 * time.Second
)

// withPort is an address as net.Listen takes it; one without a port gets the default one.
func withPort(address, defaultPort string) string {
	if !strings.Contains(address, ":") || strings.HasSuffix(address, "]") {
		return net.JoinHostPort(strings.Trim(address, "[]"), defaultPort)
	}
	return address
}

// listen opens the TCP address that a flag names; one without a port gets the default one.
func listen(flag, address, defaultPort string) (net.Listener, error) {
	if strings.Trim(address, "0123456789") == "" && address != "" {
		return nil, usage(
			fmt.Sprintf(
				"%s must be HOST:PORT, not a port alone: write 127.0.0.1:%s, or another address of this machine",
				flag,
				address,
			),
		)
	}
	listener, err := net.Listen("tcp", withPort(address, defaultPort))
	if err != nil {
		return nil, usage(fmt.Sprintf("%s: cannot listen: %v", flag, err))
	}
	return listener, nil
}

// isLoopback tells an address that this machine alone reaches. A name must be one of loopback for
// certain.
func isLoopback(address, defaultPort string) bool {
	host, _, err := net.SplitHostPort(withPort(address, defaultPort))
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// serve answers until ctx is done.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	return serveWith(
		ctx,
		listener,
		&http.Server{Handler: handler, ReadHeaderTimeout: readHeaderTimeout},
	)
}

// newServer keeps no connection longer, and reads no more, than a browser,
// a scrape or a push needs.
func newServer(handler http.Handler, certificate *tls.Config, log zerolog.Logger) *http.Server {
	const (
		readTimeout, writeTimeout, idleTimeout = 20 * time.Second, time.Minute, 2 * time.Minute
		maxHeaderBytes                         = 16 << 10
	)
	return &http.Server{
		Handler:                      handler,
		TLSConfig:                    certificate,
		MaxHeaderBytes:               maxHeaderBytes,
		DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout:            readHeaderTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		IdleTimeout:                  idleTimeout,
		ErrorLog:                     stdlog.New(warnings{log}, "", 0),
	}
}

// dashNote writes down who changed what, and who was not let in.
func dashNote(log zerolog.Logger) func(dashboard.Event) {
	return func(e dashboard.Event) {
		if e.Method == "" {
			log.Warn().Str("from", e.From).Msg("dashboard log-in refused")
			return
		}
		log.Info().
			Str("user", e.User).
			Str("from", e.From).
			Str("method", e.Method).
			Str("path", e.Path).
			Int("status", e.Status).
			Msg("dashboard action")
	}
}

// warnings are net/http's own words in our log: certificates that a client does not like, and code
// that panicked.
type warnings struct{ log zerolog.Logger }

// Write implements [io.Writer].
func (l warnings) Write(text []byte) (int, error) {
	l.log.Warn().Str("from", "net/http").Msg(dypls.Scrub(strings.TrimSpace(string(text))))
	return len(text), nil
}

func urlOf(listener net.Listener, server *http.Server) string {
	scheme := "http"
	if server.TLSConfig != nil {
		scheme = "https"
	}
	return scheme + "://" + listener.Addr().String() + "/"
}

// serveWith answers, over TLS when the server has a configuration for it, until ctx is done.
func serveWith(ctx context.Context, listener net.Listener, server *http.Server) error {
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			failed <- server.ServeTLS(listener, "", "")
			return
		}
		failed <- server.Serve(listener)
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := server.Shutdown(closing); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
