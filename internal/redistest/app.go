package redistest

import (
	"crypto/tls"
	"net"
	"net/url"
	"testing"

	"github.com/redis/go-redis/v9"
)

// AppClient returns a client as the product has it, which ends with the test.
func (s *Server) AppClient(tb testing.TB) *redis.Client {
	tb.Helper()
	client := s.clientOf(s.app)
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// AppClientBehind is the same behind a proxy at addr that speaks to clients without TLS.
func (s *Server) AppClientBehind(tb testing.TB, addr string) *redis.Client {
	tb.Helper()
	const connections = 64 // a worker's
	client := redis.NewClient(&redis.Options{
		Addr:                  addr,
		Username:              s.app.Username,
		Password:              s.app.Password,
		ContextTimeoutEnabled: true,
		MaxRetries:            -1,
		PoolSize:              connections,
	})
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Login is what the test's own client logs in with.
func (s *Server) Login() (user, password string, config *tls.Config) {
	return s.options.Username, s.options.Password, s.options.TLSConfig
}

// URL is the server's redis:// or rediss:// address, for the product.
func (s *Server) URL() string { return s.urlAt(s.Addr, s.app.TLSConfig != nil) }

func (s *Server) urlAt(addr string, secured bool) string {
	u := url.URL{Scheme: "redis", Host: addr, Path: "/0"}
	if secured {
		u.Scheme = "rediss"
	}
	if s.app.Username != "" {
		u.User = url.UserPassword(s.app.Username, s.app.Password)
	}
	return u.String()
}

// Env is the environment of a process of the product's.
func (s *Server) Env() []string { return s.EnvAt(s.Addr) }

// EnvAt is the same, through a proxy at addr that passes bytes on as they are.
func (s *Server) EnvAt(addr string) []string {
	return s.env(s.urlAt(addr, s.app.TLSConfig != nil), s.CAFile, s.CertFile, s.KeyFile, s.ServerName)
}

// EnvBehind is the same, through a proxy at addr that reads what it passes on: TLS, if there is
// any, is between it and the server, which it reaches with Dial. The user is the product's all the
// same.
func (s *Server) EnvBehind(addr string) []string {
	return s.env(s.urlAt(addr, false), "", "", "", "")
}

func (*Server) env(redisURL, caFile, certFile, keyFile, serverName string) []string {
	return []string{
		"REDIS_URL=" + redisURL,
		"REDIS_CA_FILE=" + caFile,
		"REDIS_CERT_FILE=" + certFile,
		"REDIS_KEY_FILE=" + keyFile,
		"REDIS_SERVER_NAME=" + serverName,
	}
}

// Dial connects as the product does, without logging in.
func (s *Server) Dial() (net.Conn, error) {
	if s.app.TLSConfig == nil {
		return net.Dial("tcp", s.Addr)
	}
	return tls.Dial("tcp", s.Addr, s.app.TLSConfig)
}
