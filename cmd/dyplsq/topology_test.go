package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/aliyun/dyplstest"
	"github.com/seed-5c07c2e9/dyplsq/cmd/dyplsq/internal/doctor"
	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// newSystemAt is a system on a Redis of any kind.
func newSystemAt(t *testing.T, redisEnv ...string) *system {
	t.Helper()
	server := dyplstest.Start(t, dyplstest.Config{})
	return &system{simulator: server.Simulator, env: cleanEnv(append(redisEnv,
		"DYPLSQ_ENDPOINT="+server.URL(),
		"ALIBABA_CLOUD_ACCESS_KEY_ID="+server.AccessKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+server.AccessKeySecret,
	)...)}
}

// watchedWorker starts a worker, and reads its health and metrics.
func (s *system) watchedWorker(t *testing.T) {
	t.Helper()
	_, url := s.observedWorker(t)
	untilReady(t, url)
	if _, page := get(t, url+"/metrics"); strings.Count(page, "\ndyplsq_queue_up{") != 4 || strings.Contains(page, "dyplsq_queue_up{queue=\"bind\"} 0") {
		t.Errorf("%s", page)
	}
}

// binds enqueues a task with a process of its own, and waits for it with another.
func (s *system) binds(t *testing.T, ids ...string) {
	t.Helper()
	for i, id := range ids {
		redistest.Poll(t, startWithin, "Redis to take "+id, func(context.Context) error {
			r := dyplsq(t, s.env, "", "enqueue", "BindAxn", bind(i+1, ""), "--id", id) //nolint:contextcheck // the test's own
			if r.status != statusOK {
				return errors.New(r.errors)
			}
			return nil
		})
	}
	for _, id := range ids {
		if o := s.outcome(t, id, "30s"); o.State != tasks.StateSucceeded || len(s.performed(id)) != 1 {
			t.Errorf("%+v, performed %d times", o, len(s.performed(id)))
		}
	}
}

// everyCommand runs what else there is against Redis, and looks at the dashboard.
func (s *system) everyCommand(t *testing.T, id string) {
	t.Helper()
	for _, c := range []struct{ stdin, args string }{
		{"", "explain " + id}, {"", "queues"}, {"", "pause unbind"}, {"", "resume unbind"}, {"", "numbers list"},
		{"17099990001\n17099990002\n", "numbers import FC0 -"}, {"", "numbers list FC0"}, {"17099990001\n", "numbers release FC0 -"},
	} {
		if r := dyplsq(t, s.env, c.stdin, strings.Fields(c.args)...); r.status != statusOK {
			t.Errorf("%s: exit status %d\n%s%s", c.args, r.status, r.out, r.errors)
		}
	}
	s.enqueue(t, statusOK, "BindAxn", bind(9, ""), "--id", "later", "--in", "1h")
	if r := dyplsq(t, s.env, "", "cancel", "later"); r.status != statusOK {
		t.Errorf("cancel: exit status %d\n%s", r.status, r.errors)
	}
	s.follows(t, id)
	url := startDash(t, s.env)
	for path, text := range map[string]string{"api/queues": `"queue":"bind"`, "api/servers": `"servers"`, "api/redis_info": `"info"`, "api/queues/bind/pending_tasks": `"tasks"`} {
		if _, page := get(t, url+path); !strings.Contains(page, text) {
			t.Errorf("%s: %s", path, page)
		}
	}
}

// follows waits for the outcome of a task among those of all.
func (s *system) follows(t *testing.T, id string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "follow", "--group", "test", "--json")
	cmd.Env = s.env
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	overdue := time.AfterFunc(startWithin, func() { _ = cmd.Process.Kill() })
	defer overdue.Stop()
	lines := bufio.NewScanner(out)
	found := false
	for !found && lines.Scan() {
		found = strings.Contains(lines.Text(), `"id":"`+id+`"`)
	}
	if !found {
		t.Errorf("%s is not followed", id)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// sound runs the doctor, and returns how many servers it looked at. It finds nothing but that they keep nothing.
func (s *system) sound(t *testing.T) (servers int) {
	t.Helper()
	r := dyplsq(t, s.env, "", "doctor")
	for line := range splitLines(r.out) {
		if strings.HasPrefix(line, string(doctor.Loses)) && !strings.Contains(line, "persistence") || strings.Contains(line, "Redis does not tell") {
			t.Error(line)
		}
		if strings.Contains(line, "maxmemory-policy is noeviction") {
			servers++
		}
	}
	if r.status != statusFailed || !strings.Contains(r.errors, "data will be lost: persistence") {
		t.Errorf("doctor: exit status %d\n%s%s", r.status, r.out, r.errors)
	}
	return servers
}

func TestSentinelProcesses(t *testing.T) {
	t.Parallel()
	site := redistest.StartSentinel(t)
	s := newSystemAt(t, "REDIS_URL="+site.URL())
	s.watchedWorker(t)
	s.binds(t, "before")
	s.everyCommand(t, "before")
	site.KillMaster(t)
	s.binds(t, "after")
	if n := s.sound(t); n != 1 {
		t.Errorf("%d servers", n)
	}
}

func TestClusterProcesses(t *testing.T) {
	t.Parallel()
	users := append([]string{"--user", "app", "on", ">secret"}, strings.Fields(redistest.LeastRuleOfCluster)...)
	site := redistest.StartCluster(t, users...)
	s := newSystemAt(t, "REDIS_CLUSTER_NODES="+site.Nodes(), "REDIS_URL=redis://app:secret@"+site.Servers[2].Addr)
	s.watchedWorker(t)
	ids := []string{"one", "two", "three", "four"}
	s.binds(t, ids...)
	s.everyCommand(t, "two")
	if n := s.sound(t); n != 3 {
		t.Errorf("%d servers", n)
	}
	for _, server := range site.Servers {
		suffices(t, server.Client(t))
	}
}

// TestTLSProcesses: a client certificate, and a user that may do no more than it must.
func TestTLSProcesses(t *testing.T) {
	t.Parallel()
	site := redistest.StartTLS(t, redistest.LeastRule)
	s := newSystemAt(t, site.Env()...)
	s.watchedWorker(t)
	s.binds(t, "one")
	s.everyCommand(t, "one")
	if n := s.sound(t); n != 1 {
		t.Errorf("%d servers", n)
	}
	suffices(t, site.Client(t))
	for name, without := range map[string]string{"certificate": "REDIS_CERT_FILE=,REDIS_KEY_FILE=", "authority": "REDIS_CA_FILE=", "name": "REDIS_SERVER_NAME="} {
		if r := dyplsq(t, append(slices.Clone(s.env), strings.Split(without, ",")...), "", "queues"); r.status != statusUnreachable {
			t.Errorf("without the %s: exit status %d\n%s", name, r.status, r.errors)
		}
	}
}

// suffices tells what the user app was refused.
func suffices(t *testing.T, client *redis.Client) {
	t.Helper()
	const most = 100
	for _, refused := range client.ACLLog(t.Context(), most).Val() {
		t.Errorf("the rule lacks a %s: %s", refused.Reason, refused.Object)
	}
}
