package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestUnitsAreHardened: systemd understands each unit of ours, and by its own measure a service
// that is taken over can do little: 10 is unprotected, and our bound is 3.
func TestUnitsAreHardened(t *testing.T) {
	t.Parallel()
	const bound = 3.0
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		if os.Getenv("DYPLSQ_REQUIRE_SYSTEMD") != "" {
			t.Fatal("systemd-analyze is not installed, and DYPLSQ_REQUIRE_SYSTEMD is set")
		}
		t.Skip("needs systemd-analyze, which is not installed")
	}
	units, err := filepath.Glob(deployed + "/systemd/*.service")
	if err != nil || len(units) < 4 {
		t.Fatalf("found the units %v, %v", units, err)
	}
	exposure := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)
	for _, unit := range units {
		name := filepath.Base(unit)
		out, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--offline=true", "--no-pager", unit).CombinedOutput()
		found := exposure.FindSubmatch(out)
		if err != nil || found == nil {
			t.Errorf("%s: %v\n%s", name, err, out)
			continue
		}
		if level, err := strconv.ParseFloat(string(found[1]), 64); err != nil || level >= bound {
			t.Errorf("%s is exposed by %s, which must be below %v (%v)\n%s", name, found[1], bound, err, out)
		}
		t.Logf("%s: %s", name, found[1])
		out, _ = exec.CommandContext(t.Context(), "systemd-analyze", "verify", unit).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, name) && !strings.Contains(line, "/usr/local/bin/dyplsq is not executable") { // it is not installed here
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}
