package systemtest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9/logging"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// asDyplsq makes a test binary behave as dyplsq itself.
const asDyplsq = "DYPLSQ_TEST_RUN"

// standsIn tells that the processes of this package's tests are the test binary itself.
var standsIn bool

// Main runs a package's tests, whose processes are a binary that is built when the first of them
// starts.
func Main(m *testing.M) int {
	logging.Disable() // a Redis that is away is told of many times a second
	return redistest.Run(m)
}

// MainOf runs the tests of the command itself: their processes are this test binary once more,
// which then runs dyplsq in place of the tests.
func MainOf(m *testing.M, dyplsq func() int) int {
	if os.Getenv(asDyplsq) != "" {
		return dyplsq()
	}
	standsIn = true
	return Main(m)
}

// standIn is what makes a process dyplsq.
func standIn() []string {
	if standsIn {
		return []string{asDyplsq + "=1"}
	}
	return nil
}

// Program is the binary that a test's processes run.
func Program(tb testing.TB) string {
	tb.Helper()
	if standsIn {
		return os.Args[0]
	}
	program, err := built()
	if err != nil {
		tb.Fatalf("build dyplsq: %v", err)
	}
	return program
}

// Root is the folder of the module that is tested.
func Root(tb testing.TB) string {
	tb.Helper()
	root, err := moduleRoot()
	if err != nil {
		tb.Fatal(err)
	}
	return root
}

// moduleRoot finds the folder of go.mod above that of a package's tests.
var moduleRoot = sync.OnceValues(func() (string, error) {
	start, err := os.Getwd()
	for dir := start; err == nil; dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("there is no go.mod above %s", start)
		}
	}
	return "", err
})

// built builds dyplsq, for all packages and runs of a checkout at the same place: go build finds
// there whether anything has changed, and leaves a binary that is up to date as it is. Another
// process of tests waits meanwhile.
var built = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	place, err := placeFor(root)
	if err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(place, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { _ = lock.Close() }() // which unlocks it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	program := filepath.Join(place, "dyplsq")
	args := []string{"build", "-buildvcs=false", "-o", program}
	if RaceDetector {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/dyplsq")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return program, nil
})

// placeFor makes a folder outside the checkout for the binary of one, with and without the race
// detector.
func placeFor(root string) (string, error) {
	caches, err := os.UserCacheDir()
	if err != nil {
		caches = os.TempDir()
	}
	sum := sha256.Sum256([]byte(root))
	name := hex.EncodeToString(sum[:8])
	if RaceDetector {
		name += "-race"
	}
	place := filepath.Join(caches, "dyplsq-test", name)
	return place, os.MkdirAll(place, 0o700)
}
