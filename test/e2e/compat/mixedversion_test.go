package compat

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// oldVersion is the version that is in service when this one comes.
const oldVersion = "32d2e9f"

// oldBinary builds the old version from the repository's history.
func oldBinary(t *testing.T) string {
	t.Helper()
	if err := exec.Command("git", "cat-file", "-e", oldVersion+"^{commit}").Run(); err != nil {
		t.Skipf("the history of this checkout does not hold the old version %s: %v", oldVersion, err)
	}
	dir := t.TempDir()
	archive, sources := filepath.Join(dir, "old.tar"), filepath.Join(dir, "old")
	if err := os.Mkdir(sources, 0o700); err != nil {
		t.Fatal(err)
	}
	systemtest.Output(t, systemtest.Root(t), "git", "archive", "--output", archive, oldVersion)
	systemtest.Output(t, sources, "tar", "-xf", archive)
	binary := filepath.Join(dir, "dyplsq")
	systemtest.Output(t, sources, "go", "build", "-o", binary, "./cmd/dyplsq")
	return binary
}

// TestOldAndNewTogether: an old and a new producer enqueue, an old and a new worker perform, and
// each worker is replaced once, as a rollout and its rollback do it.
//
// Invariant: each task is called once, and both versions read the same outcome.
func TestOldAndNewTogether(t *testing.T) {
	t.Parallel()
	if !systemtest.WholeFaults() {
		t.Skip("builds the old version: make faults runs it")
	}
	const jobs = 200
	old, current := oldBinary(t), systemtest.Program(t)
	s := systemtest.New(t, dyplstest.Config{
		Pools:  systemtest.TwoPools(jobs),
		Faults: []dyplstest.Fault{{Action: "BindAxn", Do: dyplstest.Slow, Delay: 300 * time.Millisecond}},
	})
	worker := func(binary string) *systemtest.Process {
		p := systemtest.StartProgram(t, binary, s.Env, "worker", "--concurrency", "16")
		redistest.Poll(t, systemtest.StartWithin, "a worker to be up", p.Wrote("performing tasks"))
		return p
	}
	// Half of the lines name their X. Each producer has some to itself, and some that the other one
	// has as well: the same key and request is the same task.
	lines := strings.Split(strings.TrimSpace(systemtest.NamedJobs(jobs/2)), "\n")
	for i := jobs / 2; i < jobs; i++ {
		lines = append(lines, systemtest.Bind(i, fmt.Sprintf(`,"TaskID":"job-%d"`, i)))
	}
	for i, binary := range []string{old, current} {
		part := lines[i*jobs/4 : (i+3)*jobs/4]
		if r := systemtest.RunProgram(t, binary, s.Env, strings.Join(part, "\n"), "enqueue", "BindAxn", "-"); r.Status != systemtest.StatusOK {
			t.Fatalf("enqueue by %s: exit status %d: %s", binary, r.Status, systemtest.Tail(r.Errors))
		}
	}
	workers := []*systemtest.Process{worker(old), worker(current)}
	for i, binary := range []string{current, old} { // rolled out, and back
		replaced := workers[i]
		workers[i] = worker(binary)
		if status := replaced.Terminate(t, syscall.SIGTERM); status != systemtest.StatusOK {
			t.Errorf("a worker that was told to end has exit status %d", status)
		}
	}
	outcomes := s.Settled(t, jobs, 2*time.Minute)
	s.EachOnce(t, outcomes)
	calls := 0
	for _, o := range outcomes {
		if calls += o.Calls; o.Calls != 1 {
			t.Errorf("%s took %d calls", o.ID, o.Calls)
		}
	}
	if n := s.BindCalls(); n != jobs {
		t.Errorf("the API was called %d times for %d binds", n, jobs)
	}
	var read [2]map[string]string
	for i, binary := range []string{old, current} {
		r := systemtest.RunProgram(t, binary, s.Env, strings.Join(lines, "\n"), "enqueue", "BindAxn", "-", "--json", "--wait", "20s")
		read[i] = map[string]string{}
		for _, o := range systemtest.ReadOutcomes(t, r.Out) {
			read[i][o.ID] = fmt.Sprintf("%s %s %s after %d calls", o.State, o.Result, o.FinishedAt, o.Calls)
		}
		if r.Status != systemtest.StatusOK || len(read[i]) != jobs {
			t.Fatalf("%s reads %d outcomes of %d: exit status %d: %s", binary, len(read[i]), jobs, r.Status, systemtest.Tail(r.Errors))
		}
	}
	for id, before := range read[0] {
		if after := read[1][id]; before != after {
			t.Errorf("the old version reads of %s: %s; the new one: %s", id, before, after)
		}
	}
	t.Logf("%d binds, %s and the present version, each worker replaced once: %d calls, surplus %d, every outcome read by both", jobs, oldVersion, calls, s.Surplus())
}
