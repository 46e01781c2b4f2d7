package redistest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// FreePort picks a port below those that the system gives to outgoing connections, and to whoever
// listens on any: one of these could take the port of a server that is yet to start, or that a test
// has stopped for a moment.
func FreePort(tb testing.TB) string {
	tb.Helper()
	return portFrom(tb, 10_000, 20_000)
}

// busPort is for what the nodes of a cluster say to each other, where no test has its servers:
// Redis' own choice may be a port of an outgoing connection.
func busPort(tb testing.TB) string {
	tb.Helper()
	return portFrom(tb, 2_000, 8_000)
}

// portFrom picks a port that is free, and that no other test takes before this one ends: not while
// its server starts, and not while it is stopped.
func portFrom(tb testing.TB, lowest, ports int) string {
	tb.Helper()
	const tries = 100
	for range tries {
		port := strconv.Itoa(lowest + rand.IntN(ports))
		release, reserved := reserve(tb, port)
		if !reserved {
			continue
		}
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if err != nil {
			release()
			continue
		}
		_ = listener.Close()
		tb.Cleanup(release)
		return port
	}
	tb.Fatal("no free port found")
	return ""
}

// reserve keeps a port from the tests of all processes of this user, by a lock that ends with the
// process at the latest. It reports false where another test has it.
func reserve(tb testing.TB, port string) (release func(), reserved bool) {
	tb.Helper()
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("dyplsq-test-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(dir, port), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		tb.Fatal(err)
	}
	// Unlocked, not closed alone: a process that is just being started shares the file, and its lock,
	// until it runs its own program.
	release = func() {
		_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN)
		_ = file.Close()
	}
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		release()
		return nil, false
	}
	return release, true
}
