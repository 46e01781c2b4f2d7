package httpapi

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// TestMain also holds the document against what the tests saw: each answer that it describes must
// have been provoked, where all tests were run.
func TestMain(m *testing.M) {
	status := redistest.Run(m)
	if status == 0 && allRun() {
		missing, err := unprovoked()
		if err != nil || len(missing) > 0 {
			fmt.Fprintf(os.Stderr, "openapi.json describes answers that no test provokes: %v\n%s\n", err, strings.Join(missing, "\n"))
			status = 1
		}
	}
	os.Exit(status)
}

// allRun reports whether no test was left out.
func allRun() bool {
	for _, name := range []string{"test.run", "test.skip", "test.fuzz", "test.list"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	_, err := exec.LookPath("redis-server") // without one, redistest skips what needs it
	return err == nil && !testing.Short()
}
