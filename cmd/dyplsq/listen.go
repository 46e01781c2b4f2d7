package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	readHeaderTimeout = 10 * time.Second
	closeTimeout      = 5 * time.Second
)

// listen opens a TCP address; one without a port gets the default one.
func listen(address, defaultPort string) (net.Listener, error) {
	if !strings.Contains(address, ":") || strings.HasSuffix(address, "]") {
		address = net.JoinHostPort(strings.Trim(address, "[]"), defaultPort)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, usage(fmt.Sprintf("cannot listen: %v", err))
	}
	return listener, nil
}

func isLoopback(listener net.Listener) bool {
	address, ok := listener.Addr().(*net.TCPAddr)
	return ok && address.IP.IsLoopback()
}

// serve answers until ctx is done.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: readHeaderTimeout}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
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
