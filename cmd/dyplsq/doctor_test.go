package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/internal/queuetest"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
)

// diagnose runs dyplsq doctor --json, and returns its findings by check, the first of each.
func diagnose(t *testing.T, s *systemtest.System, wantStatus int, args ...string) map[string]doctor.Finding {
	t.Helper()
	r := systemtest.Run(t, s.Env, "", append([]string{"doctor", "--json"}, args...)...)
	if r.Status != wantStatus {
		t.Errorf("doctor: exit status %d, want %d\n%s%s", r.Status, wantStatus, r.Out, r.Errors)
	}
	systemtest.NoNumbers(t, "doctor", r.Out+r.Errors)
	for _, entry := range s.Env {
		if name, secret, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "ALIBABA_CLOUD_ACCESS") && strings.Contains(r.Out+r.Errors, secret) {
			t.Errorf("doctor prints %s", name)
		}
	}
	findings := map[string]doctor.Finding{}
	for line := range systemtest.Lines(r.Out) {
		var f doctor.Finding
		if err := json.Unmarshal([]byte(line), &f); err != nil || f.Check == "" || f.Found == "" {
			t.Fatalf("%v: %s", err, line)
		}
		if _, several := findings[f.Check]; !several {
			findings[f.Check] = f
		}
	}
	return findings
}

// TestDoctor: with a worker on a Redis that keeps what it is given, nothing is wrong.
func TestDoctor(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{Faults: []dyplstest.Fault{{Do: dyplstest.DropAfter}}}, "--appendonly", "yes", "--appendfsync", "always")
	s.Worker(t)
	s.Enqueue(t, statusFailed, "BindAxn", systemtest.Bind(1, ""), "--id", "lost", "--wait", "20s")
	var findings map[string]doctor.Finding
	redistest.Poll(t, systemtest.StartWithin, "all workers to have said that they live, and what is uncertain", func(context.Context) error {
		findings = diagnose(t, s, statusOK) //nolint:contextcheck // the test's own
		if findings["workers"].Verdict != doctor.OK {
			return errors.New(findings["workers"].Found)
		}
		if findings["uncertain"].Verdict != doctor.Warning { // it is told behind its outcome
			return errors.New(findings["uncertain"].Found)
		}
		return nil
	})
	for check, f := range findings {
		if want := map[bool]doctor.Verdict{false: doctor.OK, true: doctor.Warning}[check == "uncertain"]; f.Verdict != want {
			t.Errorf("%+v", f)
		}
	}
	if len(findings) != 23 || !strings.Contains(findings["uncertain"].Found, "1 tasks are held, which may have taken effect: lost") ||
		findings["credentials"].Found != "found, from the environment" {
		t.Errorf("%+v", findings)
	}
	if systemtest.Run(t, s.Env, "", "resolve", "lost", "--failed"); diagnose(t, s, statusOK)["uncertain"].Verdict != doctor.OK {
		t.Error("a task that is settled is still held")
	}
	if f := diagnose(t, s, statusOK, "--shutdown-timeout", "5s")["settings"]; f.Verdict != doctor.Warning || !strings.Contains(f.Found, "shutdown timeout") {
		t.Errorf("%+v", f)
	}
}

// TestDoctorNames: a Redis that evicts and forgets, an orphan, a clock 40 s off: each with its
// remedy.
func TestDoctorNames(t *testing.T) {
	t.Parallel()
	s := systemtest.New(t, dyplstest.Config{}, "--maxmemory-policy", "allkeys-lru")
	s.Redis.Client(t).LPush(t.Context(), "asynq:{bind}:active", "orphan.1")
	findings := diagnose(t, s, statusFailed)
	for check, says := range map[string]string{"eviction": "allkeys-lru", "persistence": "neither", "active": "orphan.1"} {
		if f := findings[check]; f.Verdict != doctor.Loses || !strings.Contains(f.Found, says) || f.Remedy == "" {
			t.Errorf("%+v", f)
		}
	}
	people := systemtest.Run(t, s.Env, "", "doctor")
	for _, text := range []string{"will lose data", "eviction", "Remedy: set maxmemory-policy to noeviction"} {
		if !strings.Contains(people.Out, text) {
			t.Errorf("it does not say %q:\n%s", text, people.Out)
		}
	}
	if !strings.Contains(people.Errors, "data will be lost: eviction, persistence, active") {
		t.Errorf("in the end it says: %s", people.Errors)
	}

	sound := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	var out bytes.Buffer
	off := doctorCommand{now: func() time.Time { return time.Now().Add(40*time.Second + 500*time.Millisecond) }}
	off.RedisCAFile, off.RedisCertFile, off.RedisKeyFile, off.RedisServerName = sound.CAFile, sound.CertFile, sound.KeyFile, sound.ServerName
	off.RedisURL, off.Shards, off.Endpoint, off.HTTPTimeout = sound.URL(), 1, "http://127.0.0.1:1", time.Second
	err := off.Run(t.Context(), streams{out: &out, err: &out})
	if statusOf(err) != statusFailed || !strings.Contains(out.String(), "this machine is 40") || !strings.Contains(err.Error(), "clock") {
		t.Errorf("a clock 40 s off: %v\n%s", err, out.String())
	}
	if r := systemtest.Run(t, systemtest.CleanEnv(), "", "doctor"); r.Status != statusUsage || r.Out != "" {
		t.Errorf("without REDIS_URL: exit status %d: %s", r.Status, r.Out)
	}
}

// becomesArchived waits until asynq has put the failed task away, which comes after its outcome was
// told.
func becomesArchived(t *testing.T, s *systemtest.System) {
	t.Helper()
	redistest.Poll(t, systemtest.StartWithin, "the failed task to be archived", func(context.Context) error {
		queue := queuetest.On(t, s.Redis.AppClient(t))
		defer func() { _ = queue.Close() }()
		infos, err := queue.Stats(t.Context()) //nolint:contextcheck // the test's own
		if err == nil && infos[0].Archived == 0 {
			return errors.New("not yet")
		}
		return err
	})
}
