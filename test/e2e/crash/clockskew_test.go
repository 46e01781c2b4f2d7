package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

const (
	// clockOffset is the variable that tells a binary of skewedBinary how many seconds its clock is
	// ahead.
	clockOffset = "DYPLSQ_TEST_CLOCK_OFFSET"

	runtimeClock = "sec, nsec, mono := runtimeNow()\n" // of time.Now, as Go 1.26 has it
	skewedClock  = runtimeClock + "\tsec += clockOffset\n"

	skewFile = `package time

import "syscall"

var clockOffset = readClockOffset()

func readClockOffset() int64 {
	text, set := syscall.Getenv("` + clockOffset + `")
	if !set {
		return 0
	}
	seconds, err := atoi(text)
	if err != nil {
		panic("` + clockOffset + ` is no number of seconds")
	}
	return int64(seconds)
}
`
)

// skewedBinary builds dyplsq on a standard library whose wall clock is wrong by as much as a
// variable says. The monotonic one is right.
func skewedBinary(t *testing.T) string {
	t.Helper()
	root := strings.TrimSpace(systemtest.Output(t, "", "go", "env", "GOROOT"))
	original := filepath.Join(root, "src", "time", "time.go")
	text, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), runtimeClock); n != 1 {
		t.Fatalf("%s reads its clock in %d places that look like Go 1.26's: adapt runtimeClock to this version of Go", original, n)
	}
	dir := t.TempDir()
	changed, added, overlay := filepath.Join(dir, "time.go"), filepath.Join(dir, "clockoffset.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{
		original: changed, filepath.Join(filepath.Dir(original), "clockoffset.go"): added,
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		changed: strings.Replace(string(text), runtimeClock, skewedClock, 1), added: skewFile, overlay: string(replace),
	} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	binary := filepath.Join(dir, "dyplsq")
	systemtest.Output(t, systemtest.Root(t), "go", "build", "-overlay", overlay, "-o", binary, "./cmd/dyplsq")
	return binary
}

// TestClockSkew: one worker's clock is 40 s ahead, another's 40 s behind, so that each takes what
// the other performs for given up; some answers are lost, some calls are throttled, some are slow.
//
// Invariant: each bind names its X, succeeds, and takes effect once: what tells runs apart is
// Redis' clock alone.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	if !systemtest.WholeFaults() {
		t.Skip("builds a standard library with another clock: make faults runs it")
	}
	const jobs, skew = 200, 40
	binary := skewedBinary(t)
	s := systemtest.New(t, dyplstest.Config{
		Pools: systemtest.TwoPools(jobs),
		Faults: []dyplstest.Fault{
			{Action: "BindAxn", Do: dyplstest.DropAfter, Rate: 0.1, First: 1},
			{Action: "BindAxn", Code: "isv.FLOW_LIMIT", Rate: 0.1, First: 1},
			{Action: "BindAxn", Do: dyplstest.Slow, Delay: 4 * time.Second, Performed: true, Rate: 0.4},
		},
	})
	s.EnqueueBatch(t, "BindAxn", systemtest.NamedJobs(jobs))
	workers := make([]*systemtest.Process, 0, 2)
	// the one ahead starts while the other's calls are out, and finds their leases lapsed
	for _, seconds := range []int{-skew, skew} {
		w := systemtest.StartProgram(t, binary, append(s.Env, fmt.Sprintf("%s=%d", clockOffset, seconds)), "worker")
		redistest.Poll(t, systemtest.StartWithin, "a worker to be up", w.Wrote("performing tasks"))
		redistest.Poll(t, systemtest.StartWithin, "calls to be out", func(context.Context) error {
			if s.BindCalls() == 0 {
				return errors.New("none yet")
			}
			return nil
		})
		checkClock(t, w, time.Duration(seconds)*time.Second)
		workers = append(workers, w)
	}
	started := time.Now()
	outcomes := s.Settled(t, jobs, 3*time.Minute)
	took := time.Since(started)
	emptied(t, s, emptyAfterKill)
	taken, lost := 0, 0
	for _, w := range workers {
		taken += strings.Count(w.Text(), "delivered again") + strings.Count(w.Text(), "Could not remove task")
		if status := w.Terminate(t, syscall.SIGTERM); status != systemtest.StatusOK {
			t.Errorf("a worker's exit status is %d", status)
		}
	}
	for _, e := range s.Simulator.Ledger() {
		if e.Performed && e.Action == "BindAxn" && e.Code == "" {
			lost++
		}
	}
	s.EachOnce(t, outcomes)
	s.NothingUnbound(t)
	if lost < jobs/40 {
		t.Errorf("only %d answers were lost: the test shows too little", lost)
	}
	t.Logf("%d binds, %d answers lost, clocks %d s apart: surplus %d, settled after %.0f s; deliveries taken from a live worker: %d",
		jobs, lost, 2*skew, s.Surplus(), took.Seconds(), taken)
}

// checkClock fails unless the clock of a worker that was started a moment ago is off by as much as
// it should be.
func checkClock(t *testing.T, w *systemtest.Process, want time.Duration) {
	t.Helper()
	var entry struct {
		Time time.Time `json:"time"`
	}
	for line := range systemtest.Lines(w.Text()) {
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
	}
	if off := time.Until(entry.Time) - want; off.Abs() > 20*time.Second {
		t.Fatalf("a worker's clock is %s from being %s ahead", off, want)
	}
}
