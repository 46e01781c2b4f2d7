package systemtest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
)

// OverTLS runs some tests of a package once more, on a Redis that speaks TLS alone and gives the
// product the rights that docs/redis.md names. make scale runs all of them so.
func OverTLS(t *testing.T, tests ...string) {
	t.Helper()
	redistest.InTheClear(t, "it is what this test would do")
	if testing.Short() {
		t.Skip("runs other tests once more")
	}
	redistest.Start(t) // or there is none
	cmd := exec.CommandContext(
		t.Context(),
		os.Args[0],
		"-test.v",
		"-test.run",
		"^("+strings.Join(tests, "|")+")$",
	)
	cmd.Env = append(os.Environ(), "DYPLSQ_TEST_REDIS=tls")
	out, err := cmd.CombinedOutput()
	for _, name := range tests {
		if !strings.Contains(string(out), "--- PASS: "+name) {
			t.Errorf("%s did not pass", name)
		}
	}
	if err != nil {
		t.Errorf("%v\n%s", err, Tail(string(out)))
	}
}
