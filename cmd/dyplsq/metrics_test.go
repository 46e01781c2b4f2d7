package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

const inventoryPool = "FC200000000002"

// eventful is a system in which tasks succeed, are throttled, fail in ways known and unknown, and
// become uncertain.
func eventful(t *testing.T) *systemtest.System {
	t.Helper()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{
		{Match: map[string]string{"PhoneNoA": "13900000001"}, Do: dyplstest.DropAfter},
		{Match: map[string]string{"PhoneNoA": "13900000002"}, Code: "isv.NO_AVAILABLE_NUMBER"},
		{Match: map[string]string{"PhoneNoA": "13900000003"}, Code: "isv.FLOW_LIMIT", First: 1},
		{Match: map[string]string{"PhoneNoA": "13900000004"}, Code: "isv.NEVER_HEARD_OF_13900000004"},
	}})
	file := filepath.Join(t.TempDir(), "numbers")
	if err := os.WriteFile(file, []byte("17000009001\n17000009002\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := systemtest.Run(t, s.Env, "", "numbers", "import", inventoryPool, file); r.Status != statusOK {
		t.Fatal(r.Errors)
	}
	return s
}

// happen has one of each happen, and waits until all are over.
func happen(t *testing.T, s *systemtest.System) {
	t.Helper()
	var input strings.Builder
	for i := range 5 {
		_, _ = fmt.Fprintln(&input, systemtest.Bind(i, fmt.Sprintf(`,"TaskID":"task-%d"`, i)))
	}
	r := systemtest.Run(t, s.Env, input.String(), "enqueue", "BindAxn", "-", "--wait", "30s", "--json")
	if r.Status != statusFailed {
		t.Fatalf("exit status %d, want %d: some fail\n%s%s", r.Status, statusFailed, r.Out, r.Errors)
	}
}

// TestMetrics: what happens is counted, under labels of which there are few, and without a number.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := eventful(t)
	_, url := s.ObservedWorker(t)
	happen(t, s)
	lines := []string{
		`dyplsq_attempts_total{account="default",action="BindAxn",class="",code="OK"} 2`,
		`dyplsq_attempts_total{account="default",action="BindAxn",class="Throttled",code="isv.FLOW_LIMIT"} 1`,
		`dyplsq_attempts_total{account="default",action="BindAxn",class="Exhausted",code="isv.NO_AVAILABLE_NUMBER"} 1`,
		`dyplsq_attempts_total{account="default",action="BindAxn",class="Uncertain",code="dyplsq.NoAnswer"} 1`,
		`dyplsq_attempts_total{account="default",action="BindAxn",class="Rejected",code="other"} 1`,
		`dyplsq_outcomes_total{action="BindAxn",state="succeeded"} 2`,
		`dyplsq_outcomes_total{action="BindAxn",state="failed"} 2`,
		`dyplsq_outcomes_total{action="BindAxn",state="uncertain"} 1`,
		`dyplsq_throttled_total{account="default",action="BindAxn"} 1`,
		`dyplsq_uncertain_total{action="BindAxn"} 1`,
		`dyplsq_surplus_total{action="BindAxn"} 0`,
		`dyplsq_call_duration_seconds_count{action="BindAxn"} 6`,
		`dyplsq_inventory_numbers{pool="FC200000000002",state="free"} 2`,
		`dyplsq_inventory_numbers{pool="FC200000000002",state="bound"} 0`,
		`dyplsq_redis_errors_total{kind="unreachable"} 0`,
		`dyplsq_redis_errors_total{kind="refused"} 0`,
		`dyplsq_queue_up{queue="bind"} 1`,
		`dyplsq_collector_success{collector="inventory"} 1`,
		`asynq_tasks_enqueued_total{queue="bind",state="archived"} 3`,
		`asynq_queue_paused_total{queue="bind"} 0`,
		`asynq_queue_size{queue="bind"} 3`,
	}
	var text string
	redistest.Poll(t, systemtest.StartWithin, "what happened to be counted", func(context.Context) (lacks error) {
		_, text = systemtest.Get(t, url+"/metrics") //nolint:contextcheck // it has its own
		for _, line := range lines {
			if !strings.Contains(text, line+"\n") {
				name, _, _ := strings.Cut(line, "{")
				lacks = errors.Join(lacks, fmt.Errorf("lacks %s, has\n%s", line, strings.Join(regexp.MustCompile(name+`.*`).FindAllString(text, -1), "\n")))
			}
		}
		return lacks
	})
	if regexp.MustCompile(`dyplsq_time_in_queue_seconds_count\{queue="bind"\} 0`).MatchString(text) {
		t.Error("no time in the queue was observed")
	}
	systemtest.NoNumbers(t, "/metrics", text)
	if strings.Contains(text, "NEVER_HEARD_OF") || strings.Contains(text, "task-1") {
		t.Error("a label holds what the API made up, or an id")
	}
	if status, _ := systemtest.Get(t, url+"/nothing"); status != http.StatusNotFound {
		t.Errorf("another path: status %d", status)
	}
}

// TestMetricsWithoutRedis: a scrape is answered within bounds, shows what the worker itself knows,
// and says what it could not read.
func TestMetricsWithoutRedis(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{})
	p, url := s.ObservedWorker(t)
	redistest.Poll(t, systemtest.StartWithin, "the worker to be up", p.Wrote("performing tasks"))
	s.Redis.Kill()
	redistest.Poll(t, systemtest.StartWithin, "the failure to be counted", systemtest.Until(func() bool {
		status, text := systemtest.Get(t, url+"/metrics")
		return status == http.StatusOK && strings.Contains(text, `dyplsq_queue_up{queue="bind"} 0`) &&
			!strings.Contains(text, `dyplsq_redis_errors_total{kind="unreachable"} 0`)
	}))
}
