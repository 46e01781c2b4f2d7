package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestOverTLS runs some of this package's tests once more, on a Redis that speaks TLS alone and gives the product the rights that
// docs/redis.md names. make scale runs all of them so.
func TestOverTLS(t *testing.T) {
	t.Parallel()
	redistest.InTheClear(t, "it is what this test would do")
	if testing.Short() {
		t.Skip("runs other tests once more")
	}
	redistest.Start(t) // or there is none
	tests := []string{"TestFollow", "TestRollingRestart", "TestWorkerWaitsForRedis", "TestStrangePayloads", "TestLostAnswerIsHeldAsUncertain", "TestMetrics"}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run", "^("+strings.Join(tests, "|")+")$")
	cmd.Env = append(os.Environ(), "DYPLSQ_TEST_REDIS=tls")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, systemtest.Tail(string(out)))
	}
	for _, name := range tests {
		if !strings.Contains(string(out), "--- PASS: "+name) {
			t.Errorf("%s did not pass", name)
		}
	}
}
