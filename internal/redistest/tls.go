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

// Secured is a server that speaks TLS alone, asks for a client certificate, and has the user app beside the test's own.
type Secured struct {
	*Server

	CAFile, CertFile, KeyFile string // what a client needs
}

// ServerName is in the server's certificate, and no address is.
const ServerName = "redis.test"

// StartTLS starts one that ends with the test. The rule, as ACL SETUSER takes it, is what app may do. Where no redis-server is
// installed it is as with [Start].
func StartTLS(tb testing.TB, rule string) *Secured {
	tb.Helper()
	require(tb)
	dir := tb.TempDir()
	authority := newAuthority(tb)
	serverCert, serverKey := authority.issue(tb, dir, "server", ServerName)
	s := &Secured{CAFile: authority.write(tb, dir)}
	s.CertFile, s.KeyFile = authority.issue(tb, dir, "client", "")
	acl := filepath.Join(dir, "users.acl")
	users := "user default off\nuser test on >" + aclPassword + " ~* &* +@all\nuser app on >" + aclPassword + " " + rule + "\n"
	if err := os.WriteFile(acl, []byte(users), 0o600); err != nil {
		tb.Fatal(err)
	}
	own, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
	if err != nil {
		tb.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(authority.certificate)
	options := redis.Options{Username: "test", Password: aclPassword, TLSConfig: &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: ServerName, RootCAs: trusted, Certificates: []tls.Certificate{own},
	}}
	s.Server = startWith(tb, options, "--tls-auth-clients", "yes", "--aclfile", acl,
		"--tls-cert-file", serverCert, "--tls-key-file", serverKey, "--tls-ca-cert-file", s.CAFile)
	return s
}

// URL is the rediss:// address of the user app.
func (s *Secured) URL() string { return "rediss://app:" + aclPassword + "@" + s.Addr + "/0" }
