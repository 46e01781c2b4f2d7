package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// deployed is where the files of an operator are.
const deployed = "../../deploy"

// needs skips a test for want of a program of Debian's package prometheus, or fails where
// DYPLSQ_REQUIRE_PROMETHEUS is set.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("DYPLSQ_REQUIRE_PROMETHEUS") != "" {
			t.Fatalf("%s is not installed, and DYPLSQ_REQUIRE_PROMETHEUS is set", program)
		}
		t.Skipf("needs %s, which is not installed", program)
	}
}

// TestAlerts: the rules and their own tests hold, each alert is tested, and each leads to a section
// of the runbook.
func TestAlerts(t *testing.T) {
	t.Parallel()
	rules, tests := read(t, deployed+"/prometheus/alerts.yml"), read(t, deployed+"/prometheus/alerts_test.yml")
	runbook := strings.ToLower(read(t, "../../docs/operations.md"))
	for _, found := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(rules, -1) {
		if !strings.Contains(tests, "alertname: "+found[1]+"\n") {
			t.Errorf("no test has %s fire", found[1])
		}
		if !strings.Contains(runbook, strings.ToLower(found[1])) {
			t.Errorf("the runbook does not know %s", found[1])
		}
	}
	for _, found := range regexp.MustCompile(`runbook: ([\w-]+)`).FindAllStringSubmatch(rules, -1) {
		if !strings.Contains(runbook, "\n## "+strings.ReplaceAll(found[1], "-", " ")+"\n") {
			t.Errorf("the runbook has no section %s", found[1])
		}
	}
	needs(t, "promtool")
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"test", "rules", "alerts_test.yml"}} {
		cmd := exec.CommandContext(t.Context(), "promtool", args...)
		cmd.Dir = deployed + "/prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", args, err, out)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPrometheus: a real Prometheus with our configuration scrapes a real worker, a receiver and a
// server of the API; every query of the dashboard and of the alerts is one that it understands, and
// asks for series that there are.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	needs(t, "prometheus")
	s := eventful(t)
	_, worker := s.ObservedWorker(t)
	happen(t, s)
	r, pushes := receiver(t, s.Env, "--metrics-listen", "127.0.0.1:0")
	endpoints := filepath.Join(t.TempDir(), "endpoints.json")
	callbacksFile(t, endpoints, [2]string{"shop", newApplication(t).url})
	pushed(t, pushes, "SecretReport", endOf("call-1", "order-1"))
	server, api, _ := apiServer(t, s.Env, "--callbacks", endpoints, "--metrics-listen", "127.0.0.1:0")
	systemtest.Get(t, api+"healthz")
	p := startPrometheus(t, strings.TrimPrefix(worker, "http://"), shows(t, r), shows(t, server))
	var queries []string
	redistest.Poll(t, time.Minute, "every rule to be evaluated", systemtest.Until(func() bool {
		queries = p.rules(t)
		return queries != nil
	}))
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, deployed+"/grafana/dashboards/dyplsq.json")), &board); err != nil {
		t.Fatal(err)
	}
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			queries = append(queries, strings.NewReplacer("$__rate_interval", "1m", "$action", ".*", "$queue", ".*").Replace(target.Expr))
		}
	}
	const atLeast = 40
	if len(queries) < atLeast {
		t.Errorf("found %d queries, at least %d must be there", len(queries), atLeast)
	}
	for _, variable := range board.Templating.List {
		queries = append(queries, regexp.MustCompile(`label_values\((\w+), (\w+)\)`).ReplaceAllString(variable.Definition, "sum by ($2) ($1)"))
	}
	labels := p.names(t, "/api/v1/labels")
	for _, query := range queries {
		p.ask(t, "/api/v1/query", url.Values{"query": {query}}, nil)
		for _, selector := range selectors.FindAllString(query, -1) {
			var series []map[string]string
			if p.ask(t, "/api/v1/series", url.Values{"match[]": {selector}}, &series); len(series) == 0 {
				t.Errorf("there is nothing that %s selects, of the query %s", selector, query)
			}
		}
		for _, by := range grouping.FindAllStringSubmatch(query, -1) {
			for name := range strings.SplitSeq(by[1], ",") {
				if !slices.Contains(labels, strings.TrimSpace(name)) {
					t.Errorf("there is no label %q, of the query %s", name, query)
				}
			}
		}
	}
}

// shows is the address at which a process shows its metrics.
func shows(t *testing.T, p *systemtest.Process) string {
	t.Helper()
	redistest.Poll(t, systemtest.StartWithin, "metrics to be shown", p.Wrote("/metrics"))
	return regexp.MustCompile(`"url":"http://([^"]*)/metrics"`).FindStringSubmatch(p.Text())[1]
}

var (
	selectors = regexp.MustCompile(`\b(?:(?:asynq|dyplsq|process|go)_\w+|up)(?:\{[^}]*\})?`)
	grouping  = regexp.MustCompile(`\b(?:by|on) \(([^)]*)\)`)
)

// prometheus is a real one.
type prometheus struct{ url string }

// startPrometheus runs one with our configuration, which scrapes a worker, a receiver and a server
// of the API at these addresses, and ends it with the test.
func startPrometheus(t *testing.T, targets ...string) prometheus {
	t.Helper()
	dir := t.TempDir()
	config := read(t, deployed+"/prometheus/prometheus.yml")
	left := targets // one for each job, in the order of the file
	config = regexp.MustCompile(`dns_sd_configs: .*`).ReplaceAllStringFunc(config, func(string) string {
		one := left[:min(1, len(left))]
		left = left[len(one):]
		return "static_configs: [{targets: [" + strings.Join(one, "") + "]}]"
	})
	config = strings.NewReplacer("interval: 15s", "interval: 1s", "scrape_timeout: 10s", "scrape_timeout: 1s").Replace(config)
	for name, text := range map[string]string{"prometheus.yml": config, "alerts.yml": read(t, deployed+"/prometheus/alerts.yml")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("prometheus", "--config.file="+dir+"/prometheus.yml", "--storage.tsdb.path="+dir+"/data", "--web.listen-address=127.0.0.1:0")
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if t.Failed() {
			t.Log(systemtest.Tail(read(t, log.Name())))
		}
	})
	var address []string
	redistest.Poll(t, systemtest.StartWithin, "Prometheus to listen", systemtest.Until(func() bool {
		address = regexp.MustCompile(`msg="Listening on" address=(\S+)`).FindStringSubmatch(read(t, log.Name()))
		return address != nil
	}))
	p := prometheus{"http://" + address[1]}
	scraped := fmt.Sprintf("count(up == 1) == %d and on () dyplsq_uncertain_tasks", len(targets))
	redistest.Poll(t, time.Minute, "Prometheus to have scraped them", systemtest.Until(func() bool {
		status, body := systemtest.Get(t, p.url+"/api/v1/query?query="+url.QueryEscape(scraped))
		return status == http.StatusOK && strings.Contains(body, `"value"`)
	}))
	return p
}

// ask asks Prometheus, which must be content with the question.
func (p prometheus) ask(t *testing.T, path string, values url.Values, into any) {
	t.Helper()
	status, body := systemtest.Get(t, p.url+path+"?"+values.Encode())
	var answer struct {
		Data json.RawMessage
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK {
		t.Errorf("%s %s: %d %s", path, values, status, body)
		return
	}
	if into != nil {
		if err := json.Unmarshal(answer.Data, into); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func (p prometheus) names(t *testing.T, path string) (names []string) {
	t.Helper()
	p.ask(t, path, nil, &names)
	return names
}

// rules returns the alerts' queries, once all were evaluated.
func (p prometheus) rules(t *testing.T) (queries []string) {
	t.Helper()
	var all struct {
		Groups []struct {
			Rules []struct{ Name, Query, Health, LastError string }
		}
	}
	p.ask(t, "/api/v1/rules", nil, &all)
	for _, group := range all.Groups {
		for _, rule := range group.Rules {
			if rule.Health == "unknown" {
				return nil
			}
			if rule.Health != "ok" {
				t.Errorf("the rule %s is %s: %s", rule.Name, rule.Health, rule.LastError)
			}
			queries = append(queries, rule.Query)
		}
	}
	return queries
}
