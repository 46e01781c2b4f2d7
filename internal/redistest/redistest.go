// Package redistest starts real redis-servers for a test: one, one that speaks TLS alone, some with
// Sentinels, or a cluster.
//
// Where DYPLSQ_TEST_REDIS is tls, the one speaks TLS alone, too, and gives the product the user
// with the fewest rights: so every test shows that these suffice. [Server.Client] is the test's
// own, which may do anything; the product's are [Server.AppClient], [Server.URL] and [Server.Env].
package redistest

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// requireEnv turns a skip for want of redis-server into a failure.
const requireEnv = "DYPLSQ_REQUIRE_REDIS"

const (
	startWithin    = 30 * time.Second
	clusterEnabled = "--cluster-enabled"
)

// Server is a redis-server of the test's own, on a free port of the loopback interface.
type Server struct {
	Addr string
	// CAFile, CertFile, KeyFile and ServerName are what the product needs to reach one that speaks
	// TLS, and empty otherwise.
	CAFile, CertFile, KeyFile, ServerName string

	bus     string        // the port of a cluster's node for what nodes say to each other
	options redis.Options // of the test's own client, but for the address
	app     redis.Options // of the product's
	papers  *papers       // of one that speaks TLS
	args    []string
	extra   []string // environment beside the test's own
	cmd     *exec.Cmd
}

// Start starts a redis-server that ends with the test, without persistence unless args (as
// redis-server takes them) say so. Where no redis-server is installed the test is skipped, or fails
// when DYPLSQ_REQUIRE_REDIS is set.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	if !overTLS(tb) {
		return startWith(tb, redis.Options{}, args...)
	}
	require(tb)
	s := startSecured(tb, newPapers(tb), LeastRule, args...)
	tb.Cleanup(func() { s.suffices(tb) })
	return s
}

// startWith starts one that is spoken to by a client with these options.
func startWith(tb testing.TB, options redis.Options, args ...string) *Server {
	tb.Helper()
	return startIn(tb, nil, options, args...)
}

func startIn(tb testing.TB, env []string, options redis.Options, args ...string) *Server {
	tb.Helper()
	require(tb)
	dir, port := tb.TempDir(), FreePort(tb)
	listen := []string{"--port", port}
	if options.TLSConfig != nil {
		listen = []string{"--port", "0", "--tls-port", port}
	}
	common := []string{
		"--bind",
		"127.0.0.1",
		"--dir",
		dir,
		"--save",
		"",
		"--appendonly",
		"no",
		"--logfile",
		filepath.Join(dir, "redis.log"),
	}
	bus := ""
	if slices.Contains(args, clusterEnabled) {
		bus = busPort(tb)
		common = append(common, "--cluster-port", bus)
	}
	s := start(tb, port, env, options, slices.Concat(listen, common, args))
	s.bus = bus
	return s
}

func start(tb testing.TB, port string, env []string, options redis.Options, args []string) *Server {
	tb.Helper()
	s := &Server{
		Addr:    net.JoinHostPort("127.0.0.1", port),
		options: options,
		app:     options,
		args:    args,
		extra:   env,
	}
	s.Restart(tb)
	tb.Cleanup(s.Kill)
	return s
}

func require(tb testing.TB) {
	tb.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv(requireEnv) != "" {
			tb.Fatalf("redis-server is not installed, and %s is set", requireEnv)
		}
		tb.Skip("needs redis-server, which is not installed")
	}
}

// Client returns a client of the test's own, which may do anything and ends with the test.
func (s *Server) Client(tb testing.TB) *redis.Client {
	tb.Helper()
	client := s.newClient()
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

func (s *Server) newClient() *redis.Client { return s.clientOf(s.options) }

func (s *Server) clientOf(options redis.Options) *redis.Client {
	options.Addr, options.ContextTimeoutEnabled, options.MaxRetries = s.Addr, true, -1
	// a crowd of goroutines on a busy machine waits long for a connection
	options.PoolTimeout = time.Minute
	return redis.NewClient(&options)
}

// Kill ends the server as a crash would. It may be started again with Restart.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Restart starts the server, on the same port and folder, and waits until it answers.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.Kill()
	s.cmd = exec.Command("redis-server", s.args...)
	s.cmd.Env = append(os.Environ(), s.extra...)
	if err := s.cmd.Start(); err != nil {
		tb.Fatalf("start redis-server: %v", err)
	}
	client := s.newClient()
	defer func() { _ = client.Close() }()
	Poll(
		tb,
		startWithin,
		"redis-server to answer",
		func(ctx context.Context) error { return client.Ping(ctx).Err() },
	)
}

// Poll waits until done returns nil, and fails the test when that takes too long.
func Poll(tb testing.TB, within time.Duration, what string, done func(context.Context) error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := done(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("waited %s for %s: %v", within, what, err)
		case <-tick.C:
		}
	}
}
