package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"github.com/rs/zerolog"
)

// receiptsFlags say where the platform's pushes come in, and how they are told from others.
type receiptsFlags struct {
	ReceiptsListen     string   `env:"DYPLSQ_RECEIPTS_LISTEN" help:"Address for the platform's pushes, such as 127.0.0.1:8090. Beyond loopback it needs TLS, or a proxy." placeholder:"ADDRESS"`
	ReceiptsSecretFile string   `env:"DYPLSQ_RECEIPTS_SECRET_FILE" help:"Secrets, one a line, of which one stands in the path of each push: POST /receipts/SECRET/TYPE. Several let them be changed." placeholder:"FILE"`
	TLSCert            string   `env:"DYPLSQ_RECEIPTS_TLS_CERT" help:"Certificate chain (PEM), with --tls-key." name:"tls-cert" placeholder:"FILE"`
	TLSKey             string   `env:"DYPLSQ_RECEIPTS_TLS_KEY" help:"Its key (PEM)." name:"tls-key" placeholder:"FILE"`
	BehindProxy        bool     `env:"DYPLSQ_RECEIPTS_BEHIND_PROXY" help:"A proxy in front ends TLS. Needs --trusted-proxy."`
	TrustedProxy       []string `env:"DYPLSQ_RECEIPTS_TRUSTED_PROXY" help:"Addresses or networks of the proxy, the only ones that are answered: 10.0.0.7,192.168.4.0/24." placeholder:"CIDR"`
}

const receiptsPort = "8090"

// receiptsDoor is how pushes come in.
type receiptsDoor struct {
	secrets     []string
	certificate *tls.Config
	proxies     []netip.Prefix
	exposed     bool // others on this machine may read the secrets
}

// listens reports whether pushes are to come in.
func (f receiptsFlags) listens() bool {
	return f.ReceiptsListen != "" || f.ReceiptsSecretFile != ""
}

// door is how pushes come in; nil where receipts are pulled from queues alone.
func (f receiptsFlags) door(pulls bool) (*receiptsDoor, error) {
	if pulls && !f.listens() {
		return nil, nil //nolint:nilnil // no door, no error
	}
	door, err := f.check()
	return &door, err
}

// check finds everything that is wrong with the flags at once.
func (f receiptsFlags) check() (door receiptsDoor, err error) {
	var problems []error
	if f.ReceiptsListen == "" {
		problems = append(problems, errors.New(
			"--receipts-listen (DYPLSQ_RECEIPTS_LISTEN) must be given: the address for the platform's pushes, such as 127.0.0.1:"+receiptsPort+
				"; or --receipts-queue: a queue from which they are taken"))
	}
	wayIn := wayInFlags{
		tlsCert:      f.TLSCert,
		tlsKey:       f.TLSKey,
		behindProxy:  f.BehindProxy,
		trustedProxy: f.TrustedProxy,
	}
	problems = append(
		problems, wayIn.check("the receiver", isLoopback(f.ReceiptsListen, receiptsPort))...,
	)
	if door.certificate, err = wayIn.certificate(); err != nil {
		problems = append(problems, err)
	}
	if door.proxies, err = wayIn.proxies(); err != nil {
		problems = append(problems, err)
	}
	if door.secrets, door.exposed, err = readSecrets(f.ReceiptsSecretFile); err != nil {
		problems = append(problems, err)
	}
	return door, errors.Join(problems...)
}

// readSecrets reads one secret a line; blank lines and those that begin with # are none.
func readSecrets(file string) (secrets []string, exposed bool, err error) {
	if file == "" {
		return nil, false, errors.New(
			"--receipts-secret-file (DYPLSQ_RECEIPTS_SECRET_FILE) must be given: a file of one secret, made with openssl rand -hex 24")
	}
	text, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return nil, false, fmt.Errorf("--receipts-secret-file cannot be read: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			secrets = append(secrets, line)
		}
	}
	if len(secrets) == 0 {
		return nil, false, errors.New("--receipts-secret-file has no secret: write one, made with openssl rand -hex 24")
	}
	const others = 0o007 // its group may: Kubernetes hands a pod its secrets so
	info, err := os.Stat(file)
	return secrets, err == nil && info.Mode().Perm()&others != 0, nil
}

// warn tells of what lets the receiver work, and should be mended all the same.
func (f receiptsFlags) warn(door *receiptsDoor, log zerolog.Logger) {
	if door != nil && door.exposed {
		log.Warn().Str("file", f.ReceiptsSecretFile).
			Msg("secrets file open to others; chmod 400 it, and give it to the receiver's user")
	}
}

// guard lets nobody in but the proxies, where there are any.
func (d receiptsDoor) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !cameThrough(d.proxies, r) {
			http.Error(w, "only through the proxy", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
