package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/bench/contender"
)

func TestMain(m *testing.M) {
	contender.WorkIfWorker() // the workers are this program again
	os.Exit(m.Run())
}

// TestEveryScenario runs every scenario on every contender that can be had, too briefly for any
// figure.
func TestEveryScenario(t *testing.T) { //nolint:paralleltest // it measures, or would
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("DYPLSQ_REQUIRE_REDIS") != "" {
			t.Fatal("redis-server is not installed, and DYPLSQ_REQUIRE_REDIS is set")
		}
		t.Skip("needs redis-server, which is not installed")
	}
	s, err := parse([]string{"-short"})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	began := time.Now()
	if err := run(t.Context(), s, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, scenario := range scenarios() {
		if !strings.Contains(out.String(), "## "+scenario.title) {
			t.Errorf("%s has no section", scenario.name)
		}
	}
	t.Logf("%s\n%s", time.Since(began), out.String())
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-scenario", "nothing"}, {"-rounds", "-1"}, {"-window", "0s"}, {"throughput"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
	s, err := parse([]string{"-scenario", "quota, idle", "-rounds", "1"})
	if err != nil || len(s.scenarios) != 2 || s.rounds != 1 || s.window != usualWindow {
		t.Errorf("%+v, %v", s, err)
	}
}
