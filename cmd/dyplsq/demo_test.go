package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/calls"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// TestDemo: it needs nothing, and whatever the environment says it cannot reach anything real.
func TestDemo(t *testing.T) {
	t.Parallel()
	temporary := t.TempDir()
	env := systemtest.CleanEnv(
		"REDIS_URL=redis://127.0.0.1:1/0", "DYPLSQ_ENDPOINT=https://dyplsapi.invalid", "TMPDIR="+temporary,
	)
	r := systemtest.Run(t, env, "", "demo")
	if r.Status != statusOK {
		t.Fatalf("exit status %d\n%s%s", r.Status, r.Out, r.Errors)
	}
	if n := strings.Count(r.Out, "yes\n"); n != 8 {
		t.Errorf("%d outcomes as expected, want 8:\n%s", n, r.Out)
	}
	if !strings.Contains(r.Errors, "in memory") {
		t.Errorf("no banner says that this is in memory: %s", r.Errors)
	}
	if kept := regexp.MustCompile(`(?m)^recording kept .* kept .*\.mp3 \d+ bytes SHA-256 [0-9a-f]{12}  yes$`); !kept.MatchString(r.Out) {
		t.Errorf("no recording is kept:\n%s", r.Out)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
	systemtest.NoNumbers(t, "the demo's output", r.Out+r.Errors)
}

// TestDemoWithoutATemporaryFolder: nothing is kept where nothing can be, and the demo says why.
func TestDemoWithoutATemporaryFolder(t *testing.T) {
	t.Parallel()
	r := systemtest.Run(t, systemtest.CleanEnv("TMPDIR="+filepath.Join(t.TempDir(), "none")), "", "demo")
	if n := strings.Count(r.Out, "yes\n"); r.Status != statusOK || n != 7 {
		t.Errorf("exit status %d, %d outcomes as expected, want 7:\n%s%s", r.Status, n, r.Out, r.Errors)
	}
	if !strings.Contains(r.Out, "no temporary folder can be written: ") || !strings.Contains(r.Out, "  skipped\n") {
		t.Errorf("does not say that the recording was skipped, and why:\n%s", r.Out)
	}
}

// TestDemoTellsOfWrongRecordings: a file that is not the service's is told, and stays to be looked
// at.
func TestDemoTellsOfWrongRecordings(t *testing.T) {
	t.Parallel()
	tour, err := newTourCall()
	if err != nil || tour.skipped != "" {
		t.Fatal(err, tour)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tour.folder) })
	rows, err := performTour(t.Context(), tour, zerolog.Nop())
	if err != nil || rows[len(rows)-1].wrong {
		t.Fatal(rows, err)
	}
	name, _, _ := strings.Cut(rows[len(rows)-1].cells[resultCell], " ")
	file := filepath.Join(tour.folder, filepath.FromSlash(name))
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	kept := calls.Recording{State: calls.RecordingKept, Location: "file://" + file, SHA256: hex.EncodeToString(sum[:])}
	placed := dyplstest.PlacedCall{Recordings: []dyplstest.RecordingFile{{SHA256: kept.SHA256}}}
	if err := tour.check(calls.Call{TaskID: tourAXN, Recording: kept}, placed); err != nil {
		t.Error(err)
	}
	if err := tour.check(calls.Call{TaskID: tourAXB, Recording: kept}, placed); err == nil {
		t.Error("a call of another task is as expected")
	}
	if err := tour.check(calls.Call{TaskID: tourAXN, Recording: calls.Recording{State: calls.RecordingLost}}, placed); err == nil {
		t.Error("a lost recording is as expected")
	}
	if err := os.WriteFile(file, text[1:], 0o600); err != nil { //nolint:gosec // the demo's own
		t.Fatal(err)
	}
	if err := tour.check(calls.Call{TaskID: tourAXN, Recording: kept}, placed); err == nil {
		t.Error("another file is as expected")
	}
	var says strings.Builder
	tour.clean(&says, true)
	if _, err := os.Stat(file); err != nil || !strings.Contains(says.String(), tour.folder) {
		t.Errorf("%v, %s", err, says.String())
	}
	if err := printTour(streams{out: io.Discard}, []tourRow{{wrong: true}}); err == nil {
		t.Error("a row that is wrong is no failure")
	}
}
