package dypls_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones must be there on every host, else all would silently be UTC
)

// zoneWanted tells a child process which zone it must have found itself in.
const zoneWanted = "DYPLS_TEST_ZONE"

// The zone of a process is settled before main, so each zone needs a process of its own.
func TestZoneOfTheHostDoesNotMatter(t *testing.T) { //nolint:tparallel // in the child process it must end before other tests start
	if wanted := os.Getenv(zoneWanted); wanted != "" {
		if zone, _ := time.Unix(1768478400, 0).Zone(); zone != wanted {
			t.Fatalf("the child process is in %s, want %s", zone, wanted)
		}
		return
	}
	if *update {
		t.Skip("the goldens are being written")
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for tz, zone := range map[string]string{"America/New_York": "EST", "UTC": "UTC", "Asia/Shanghai": "CST"} {
		t.Run(tz, func(t *testing.T) {
			t.Parallel()
			child := exec.CommandContext(t.Context(), self, "-test.v", "-test.run=^(TestZoneOfTheHostDoesNotMatter|TestGolden|TestTime.*|TestParseTime)$")
			child.Env = append(os.Environ(), "TZ="+tz, zoneWanted+"="+zone)
			output, err := child.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			for _, ran := range []string{"--- PASS: TestZoneOfTheHostDoesNotMatter", "--- PASS: TestGolden", "--- PASS: TestParseTime"} {
				if !strings.Contains(string(output), ran) {
					t.Errorf("the child process lacks %q:\n%s", ran, output)
				}
			}
		})
	}
}
