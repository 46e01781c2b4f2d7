package main

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/netip"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/hostcheck"
	"github.com/seed-5c07c2e9/dyplsq/httpapi"
)

// tokensFlag says who may come to the HTTP API.
type tokensFlag struct {
	Tokens string `env:"DYPLSQ_TOKENS" help:"File of tokens, which dyplsq token new writes; changes in it hold within 2 s." placeholder:"FILE"`
}

// serveFlags say where the HTTP API is, and who may come to it.
type serveFlags struct {
	tokensFlag

	ServeListen  string   `default:"127.0.0.1:8070" env:"DYPLSQ_SERVE_LISTEN" help:"Address of the HTTP API (${default}). Beyond loopback it needs TLS, or a proxy." placeholder:"ADDRESS"`
	TLSCert      string   `env:"DYPLSQ_SERVE_TLS_CERT" help:"Certificate chain (PEM), with --tls-key." name:"tls-cert" placeholder:"FILE"`
	TLSKey       string   `env:"DYPLSQ_SERVE_TLS_KEY" help:"Its key (PEM)." name:"tls-key" placeholder:"FILE"`
	BehindProxy  bool     `env:"DYPLSQ_SERVE_BEHIND_PROXY" help:"A proxy in front ends TLS. Needs --trusted-proxy."`
	TrustedProxy []string `env:"DYPLSQ_SERVE_TRUSTED_PROXY" help:"Addresses or networks of the proxy, the only ones that are answered: 10.0.0.7,192.168.4.0/24." placeholder:"CIDR"`
	Host         []string `env:"DYPLSQ_SERVE_HOST" help:"Names under which the API is asked; others are refused. On loopback its own names always work." placeholder:"NAME"`
}

const servePort = "8070"

// serveDoor is how requests come in.
type serveDoor struct {
	hosts       hostcheck.Hosts
	proxies     []netip.Prefix
	certificate *tls.Config
	tokens      *httpapi.TokenFile
}

// door finds everything that is wrong with the flags at once.
func (f serveFlags) door(log zerolog.Logger) (door serveDoor, err error) {
	wayIn := wayInFlags{
		tlsCert:      f.TLSCert,
		tlsKey:       f.TLSKey,
		behindProxy:  f.BehindProxy,
		trustedProxy: f.TrustedProxy,
	}
	door.hosts.Loopback = isLoopback(f.ServeListen, servePort)
	problems := wayIn.check("the API", door.hosts.Loopback)
	if door.certificate, err = wayIn.certificate(); err != nil {
		problems = append(problems, err)
	}
	if door.proxies, err = wayIn.proxies(); err != nil {
		problems = append(problems, err)
	}
	if door.hosts.Names, err = hostNames(f.Host); err != nil {
		problems = append(problems, err)
	}
	if door.tokens, err = f.tokens(log); err != nil {
		problems = append(problems, err)
	}
	return door, errors.Join(problems...)
}

// tokens reads the file of tokens.
func (f tokensFlag) tokens(log zerolog.Logger) (*httpapi.TokenFile, error) {
	if f.Tokens == "" {
		return nil, errors.New(
			"--tokens (DYPLSQ_TOKENS) must be given: a file that dyplsq token new NAME --scope enqueue,read --tokens FILE writes")
	}
	tokens, err := httpapi.OpenTokens(f.Tokens, log)
	switch {
	case err != nil:
		return nil, errors.New("--tokens: " + err.Error())
	case tokens.Len() == 0:
		return nil, errors.New("--tokens has no token: write one with dyplsq token new NAME --scope enqueue,read --tokens FILE")
	}
	return tokens, nil
}

// warn tells of what lets the API work, and should be mended all the same.
func (f serveFlags) warn(door serveDoor, log zerolog.Logger) {
	if door.tokens.Exposed() {
		log.Warn().Str("file", f.Tokens).
			Msg("tokens file open to others; chmod 600 it, and give it to the server's user")
	}
}

// admit refuses what names another host, and what did not come through the proxy.
func (d serveDoor) admit(r *http.Request) int {
	switch {
	case !cameThrough(d.proxies, r):
		return http.StatusForbidden
	case !d.hosts.Allow(r.Host):
		return http.StatusMisdirectedRequest
	}
	return 0
}
