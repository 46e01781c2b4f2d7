package main

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// maxWorkerKB is how much memory a worker may take at the most, in kB.
const maxWorkerKB = 100 * 1024

// TestManyBinds is the main job in three processes: a simulator that throttles 5 % of the requests at first and
// answers a system error to another 5 %, a worker, and a caller who waits for all outcomes.
func TestManyBinds(t *testing.T) {
	t.Parallel()
	jobs := 10_000
	if testing.Short() {
		jobs = 500
	}
	server := redistest.Start(t)
	sim := start(t, cleanEnv(), "sim", "--listen", "127.0.0.1:0",
		"--fault", "action=BindAxn code=isv.FLOW_LIMIT rate=0.05 first=1",
		"--fault", "action=BindAxn code=isp.SYSTEM_ERROR rate=0.05 first=1")
	redistest.Poll(t, startWithin, "the simulator to be up", sim.wrote(ledgerPath))
	endpoint := regexp.MustCompile(`DYPLSQ_ENDPOINT=(\S+)`).FindStringSubmatch(sim.text())[1]
	s := &system{redis: server, env: cleanEnv(append(server.Env(), "DYPLSQ_ENDPOINT="+endpoint,
		"ALIBABA_CLOUD_ACCESS_KEY_ID="+dyplstest.DefaultAccessKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+dyplstest.DefaultAccessKeySecret)...)}
	w := s.worker(t)

	outcomes := s.enqueue(t, statusOK, "BindAxn", "--file", jobsFile(t, jobs), "--wait", "120s")

	if len(outcomes) != jobs {
		t.Errorf("%d outcomes, want %d", len(outcomes), jobs)
	}
	compareWithLedger(t, outcomes, ledgerOf(t, endpoint))
	kB := peakMemory(t, w)
	t.Logf("%d binds, worker's memory at most %d kB", jobs, kB)
	if kB > maxWorkerKB && !raceDetector {
		t.Errorf("the worker took %d kB, want at most %d", kB, maxWorkerKB)
	}
	noNumbers(t, "the worker's log", w.text())
	for key, value := range asynqValues(t, server.Client(t)) {
		noNumbers(t, key, value)
	}
}

func jobsFile(t *testing.T, jobs int) string {
	t.Helper()
	var lines bytes.Buffer
	for i := range jobs {
		fmt.Fprintln(&lines, bind(i, fmt.Sprintf(`,"TaskID":"job-%d"`, i)))
	}
	name := filepath.Join(t.TempDir(), "jobs.jsonl")
	if err := os.WriteFile(name, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// compareWithLedger holds every outcome against what the simulator really did.
func compareWithLedger(t *testing.T, outcomes []tasks.Outcome, ledger []dyplstest.Entry) {
	t.Helper()
	calls, performed := map[string]int{}, map[string][]dyplstest.Entry{}
	codes := map[string]int{}
	for _, e := range ledger {
		id := e.Parameters["OutId"]
		calls[id]++
		codes[e.Code]++
		if e.Performed {
			performed[id] = append(performed[id], e)
		}
	}
	for _, o := range outcomes {
		done := performed[o.ID]
		switch {
		case o.State != tasks.StateSucceeded:
			t.Errorf("%s is %s %s", o.ID, o.State, o.Code)
		case len(done) != 1:
			t.Errorf("%s was performed %d times", o.ID, len(done))
		case !strings.Contains(string(o.Result), strconv.Quote(done[0].SubsID)), !strings.Contains(string(o.Result), strconv.Quote(string(done[0].SecretNo))):
			t.Errorf("%s: the result is not what was bound", o.ID)
		case o.Calls != calls[o.ID]:
			t.Errorf("%s: calls %d, the ledger has %d", o.ID, o.Calls, calls[o.ID])
		}
	}
	if low := len(outcomes) / 40; codes["isv.FLOW_LIMIT"] < low || codes["isp.SYSTEM_ERROR"] < low {
		t.Errorf("too few calls failed for the test to show anything: %v", codes)
	}
	t.Logf("answers: %v", codes)
}

func peakMemory(t *testing.T, p *process) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Skipf("this system does not tell a process' memory: %v", err)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	kB, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kB
}

// noNumbers fails when a text holds a number that a test's requests used, or an X of the simulator's.
func noNumbers(t *testing.T, where, text string) {
	t.Helper()
	if number := regexp.MustCompile(`\b1(39|70)\d{8}\b`).FindString(text); number != "" {
		t.Errorf("%s holds the number %s", where, number)
	}
}

// asynqValues returns everything that asynq keeps, as text.
func asynqValues(t *testing.T, client *redis.Client) map[string]string {
	t.Helper()
	ctx := t.Context()
	values := map[string]string{}
	keys := client.Scan(ctx, 0, "asynq:*", 1000).Iterator()
	for keys.Next(ctx) {
		dump, err := client.Do(ctx, readCommand(ctx, client, keys.Val())...).Result()
		if err != nil {
			t.Fatalf("read %s: %v", keys.Val(), err)
		}
		values[keys.Val()] = fmt.Sprint(dump)
	}
	return values
}

func readCommand(ctx context.Context, client *redis.Client, key string) []any {
	switch client.Type(ctx, key).Val() {
	case "hash":
		return []any{"HGETALL", key}
	case "list":
		return []any{"LRANGE", key, 0, -1}
	case "zset":
		return []any{"ZRANGE", key, 0, -1}
	case "set":
		return []any{"SMEMBERS", key}
	default:
		return []any{"GET", key}
	}
}

func splitLines(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" && !yield(line) {
				return
			}
		}
	}
}
