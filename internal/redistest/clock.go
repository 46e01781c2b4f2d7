package redistest

import (
	_ "embed" // the shim
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed testdata/clock.c
var clockShim []byte

// Clock is the wall clock of one redis-server.
type Clock struct{ file string }

// StartWithClock starts a redis-server, in the clear, whose clock the test may put forward and
// back: a library that is preloaded into it answers for the system. Where that cannot be compiled
// the test is skipped, or fails when DYPLSQ_REQUIRE_REDIS is set.
func StartWithClock(tb testing.TB, args ...string) (*Server, *Clock) {
	tb.Helper()
	require(tb)
	dir := tb.TempDir()
	source, library := filepath.Join(dir, "clock.c"), filepath.Join(dir, "clock.so")
	if err := os.WriteFile(source, clockShim, 0o600); err != nil {
		tb.Fatal(err)
	}
	output, err := exec.CommandContext(tb.Context(), "gcc", "-shared", "-fPIC", "-o", library, source).
		CombinedOutput()
	if err != nil || runtime.GOOS != "linux" {
		lacks := "needs Linux and gcc, to turn the clock of redis-server"
		if os.Getenv(requireEnv) != "" {
			tb.Fatalf("%s, and %s is set: %v\n%s", lacks, requireEnv, err, output)
		}
		tb.Skipf("%s: %v\n%s", lacks, err, output)
	}
	clock := &Clock{filepath.Join(dir, "offset")}
	clock.Set(tb, 0)
	return startIn(
		tb,
		[]string{"LD_PRELOAD=" + library, "DYPLSQ_TEST_CLOCK=" + clock.file},
		redis.Options{},
		args...), clock
}

// Set makes the clock differ from the system's by off.
func (c *Clock) Set(tb testing.TB, off time.Duration) {
	tb.Helper()
	if err := os.WriteFile(
		c.file+".new",
		[]byte(strconv.FormatInt(off.Milliseconds(), 10)),
		0o600,
	); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(c.file+".new", c.file); err != nil {
		tb.Fatal(err)
	}
}
