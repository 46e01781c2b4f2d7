package scale

import (
	"bufio"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// ledgerPath is where the simulator of dyplsq sim shows its ledger.
const ledgerPath = "/_dyplsq/ledger"

// TestEachOfManyBindsTakesEffectOnce is the main job in three processes: a simulator that throttles
// 5 % of the requests at first and answers a system error to another 5 %, a worker, and a caller
// who waits for all outcomes.
func TestEachOfManyBindsTakesEffectOnce(t *testing.T) {
	t.Parallel()
	jobs := 10_000
	if testing.Short() {
		jobs = 500
	}
	server := redistest.Start(t)
	sim := systemtest.Start(t, systemtest.CleanEnv(), "sim", "--listen", "127.0.0.1:0",
		"--fault", "action=BindAxn code=isv.FLOW_LIMIT rate=0.05 first=1",
		"--fault", "action=BindAxn code=isp.SYSTEM_ERROR rate=0.05 first=1")
	redistest.Poll(t, systemtest.StartWithin, "the simulator to be up", sim.Wrote(ledgerPath))
	endpoint := regexp.MustCompile(`DYPLSQ_ENDPOINT=(\S+)`).FindStringSubmatch(sim.Text())[1]
	s := &systemtest.System{Redis: server, Env: systemtest.CleanEnv(append(server.Env(), "DYPLSQ_ENDPOINT="+endpoint,
		"ALIBABA_CLOUD_ACCESS_KEY_ID="+dyplstest.DefaultAccessKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+dyplstest.DefaultAccessKeySecret)...)}
	w := s.Worker(t)

	outcomes := s.Enqueue(t, systemtest.StatusOK, "BindAxn", "--file", systemtest.JobsFile(t, jobs), "--wait", "120s")

	if len(outcomes) != jobs {
		t.Errorf("%d outcomes, want %d", len(outcomes), jobs)
	}
	compareWithLedger(t, outcomes, ledgerOf(t, endpoint))
	kB := systemtest.PeakMemory(t, w)
	t.Logf("%d binds, worker's memory at most %d kB", jobs, kB)
	if kB > systemtest.MaxWorkerKB && !systemtest.RaceDetector {
		t.Errorf("the worker took %d kB, want at most %d", kB, systemtest.MaxWorkerKB)
	}
	systemtest.NoNumbers(t, "the worker's log", w.Text())
	for key, value := range systemtest.AsynqValues(t, server.Client(t)) {
		systemtest.NoNumbers(t, key, value)
	}
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

// ledgerOf reads a simulator's ledger over HTTP, as other processes do.
func ledgerOf(t *testing.T, url string) []dyplstest.Entry {
	t.Helper()
	resp, err := http.Get(url + ledgerPath)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var entries []dyplstest.Entry
	scanner := bufio.NewScanner(resp.Body)
	for scanner.Scan() {
		var e dyplstest.Entry
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	return entries
}
