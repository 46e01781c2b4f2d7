package redistest

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"
)

const aclPassword = "of-acl"

// ServerName is in the certificate of a server that speaks TLS, and no address is.
const ServerName = "redis.test"

// StartTLS starts a server that speaks TLS alone, asks for a client certificate, and has the user
// app, the product's, beside the test's own. It ends with the test. The rule, as ACL SETUSER takes
// it, is what app may do. Where no redis-server is installed it is as with [Start].
func StartTLS(tb testing.TB, rule string, args ...string) *Server {
	tb.Helper()
	require(tb)
	return startSecured(tb, newPapers(tb), rule, args...)
}

// papers are the certificates of a server and of its clients, by one authority.
type papers struct {
	dir, caFile, serverCert, serverKey, clientCert, clientKey string

	config *tls.Config // of a client
}

func newPapers(tb testing.TB) *papers {
	tb.Helper()
	p := &papers{dir: tb.TempDir()}
	authority := newAuthority(tb)
	p.caFile = authority.write(tb, p.dir)
	p.serverCert, p.serverKey = authority.issue(tb, p.dir, "server", ServerName)
	p.clientCert, p.clientKey = authority.issue(tb, p.dir, "client", "")
	own, err := tls.LoadX509KeyPair(p.clientCert, p.clientKey)
	if err != nil {
		tb.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(authority.certificate)
	p.config = &tls.Config{
		MinVersion:   tls.VersionTLS12,
		ServerName:   ServerName,
		RootCAs:      trusted,
		Certificates: []tls.Certificate{own},
	}
	return p
}

func startSecured(tb testing.TB, p *papers, rule string, args ...string) *Server {
	tb.Helper()
	acl := filepath.Join(p.dir, "users.acl")
	// Nobody logs in as default, but Redis loads its append-only file with what default may do.
	users := "user default off ~* &* +@all\nuser test on >" + aclPassword + " ~* &* +@all\nuser app on >" + aclPassword + " " + rule + "\n"
	if err := os.WriteFile(acl, []byte(users), 0o600); err != nil {
		tb.Fatal(err)
	}
	options := redis.Options{Username: "test", Password: aclPassword, TLSConfig: p.config}
	s := startWith(tb, options, append([]string{
		"--tls-auth-clients",
		"yes",
		"--aclfile",
		acl,
		"--tls-cert-file",
		p.serverCert,
		"--tls-key-file",
		p.serverKey,
		"--tls-ca-cert-file",
		p.caFile,
		// as a replica it is a client
		"--tls-client-cert-file",
		p.clientCert,
		"--tls-client-key-file",
		p.clientKey,
		"--tls-replication",
		"yes",
		"--masteruser",
		options.Username,
		"--masterauth",
		options.Password,
	}, args...)...)
	s.papers, s.app.Username = p, "app"
	s.CAFile, s.CertFile, s.KeyFile, s.ServerName = p.caFile, p.clientCert, p.clientKey, ServerName
	return s
}
