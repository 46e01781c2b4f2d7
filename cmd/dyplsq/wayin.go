package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
)

// wayInFlags are the flags of each server that may be opened beyond loopback: TLS of its own, or a
// proxy that ends it.
type wayInFlags struct {
	tlsCert, tlsKey string
	behindProxy     bool
	trustedProxy    []string
}

// check finds what is wrong with their combination.
func (f wayInFlags) check(server string, loopback bool) (problems []error) {
	refuse := func(when bool, text string) {
		if when {
			problems = append(problems, errors.New(text))
		}
	}
	refuse(
		(f.tlsCert == "") != (f.tlsKey == ""),
		"--tls-cert and --tls-key belong together: give both, or neither",
	)
	refuse(
		f.behindProxy && len(f.trustedProxy) == 0,
		"--behind-proxy needs --trusted-proxy: the addresses from which the proxy connects",
	)
	refuse(
		!f.behindProxy && len(f.trustedProxy) > 0,
		"--trusted-proxy is of use with --behind-proxy only: add it, or leave both out",
	)
	refuse(
		!loopback && f.tlsCert == "" && f.tlsKey == "" && !f.behindProxy,
		"beyond loopback "+server+" needs TLS: --tls-cert and --tls-key, or --behind-proxy where a proxy ends it",
	)
	return problems
}

// certificate is nil where there is none.
func (f wayInFlags) certificate() (*tls.Config, error) {
	if f.tlsCert == "" || f.tlsKey == "" {
		return nil, nil //nolint:nilnil // no certificate, no error
	}
	pair, err := tls.LoadX509KeyPair(f.tlsCert, f.tlsKey)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert and --tls-key cannot be used: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

func (f wayInFlags) proxies() (networks []netip.Prefix, err error) {
	var problems []error
	for _, text := range f.trustedProxy {
		network, err := parseNetwork(text)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		networks = append(networks, network)
	}
	return networks, errors.Join(problems...)
}

// cameThrough reports whether a request came from one of the proxies, where there are any.
func cameThrough(proxies []netip.Prefix, r *http.Request) bool {
	if len(proxies) == 0 {
		return true
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && slices.ContainsFunc(proxies, func(p netip.Prefix) bool {
		return p.Contains(from.Addr().Unmap())
	})
}
