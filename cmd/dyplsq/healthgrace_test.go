package main

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestGraceExceedsShutdown: whatever ends a worker in our examples waits longer than the worker
// does for calls that are out.
func TestGraceExceedsShutdown(t *testing.T) {
	t.Parallel()
	const moment = 8 * time.Second // to write outcomes down, and to end the server of metrics
	field, _ := reflect.TypeFor[workerCommand]().FieldByName("ShutdownTimeout")
	shutdown, err := time.ParseDuration(field.Tag.Get("default"))
	if err != nil {
		t.Fatal(err)
	}
	for file, grace := range map[string]string{
		deployed + "/systemd/dyplsq-worker.service": `TimeoutStopSec=(\d+s)\n`,
		deployed + "/kubernetes/worker.yaml":        `terminationGracePeriodSeconds: (\d+)\n`,
		"../../docker-compose.yml":                  `stop_grace_period: (\d+s)\n`,
	} {
		text := read(t, file)
		found := regexp.MustCompile(grace).FindStringSubmatch(text)
		if found == nil {
			t.Errorf("%s says nothing of grace", file)
			continue
		}
		given, err := time.ParseDuration(strings.TrimSuffix(found[1], "s") + "s")
		if err != nil || given < shutdown+moment {
			t.Errorf("%s gives %s, and a worker may need %s (%v)", file, given, shutdown+moment, err)
		}
		if set := regexp.MustCompile(`DYPLSQ_SHUTDOWN_TIMEOUT\W+(?:value\W+)?(\d+s)`).FindStringSubmatch(text); set == nil || set[1] != shutdown.String() {
			t.Errorf("%s sets another shutdown timeout than the default of %s: %v", file, shutdown, set)
		}
	}
	for _, probe := range []string{`path: /healthz, port: metrics`, `path: /readyz, port: metrics`} {
		if !strings.Contains(read(t, deployed+"/kubernetes/worker.yaml"), probe) {
			t.Errorf("no probe has %s", probe)
		}
	}
}
