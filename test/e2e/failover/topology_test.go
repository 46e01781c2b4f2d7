package failover

import (
	"bufio"
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-5c07c2e9/dyplsq/internal/redistest"
	"github.com/seed-5c07c2e9/dyplsq/internal/systemtest"
	"github.com/seed-5c07c2e9/dyplsq/tasks"
)

// watchedWorker starts a worker, and reads its health and metrics.
func watchedWorker(t *testing.T, s *systemtest.System) {
	t.Helper()
	_, url := s.ObservedWorker(t)
	systemtest.UntilReady(t, url)
	if _, page := systemtest.Get(t, url+"/metrics"); strings.Count(page, "\ndyplsq_queue_up{") != 4 || strings.Contains(page, "dyplsq_queue_up{queue=\"bind\"} 0") {
		t.Errorf("%s", page)
	}
}

// binds enqueues a task with a process of its own, and waits for it with another.
func binds(t *testing.T, s *systemtest.System, ids ...string) {
	t.Helper()
	for i, id := range ids {
		redistest.Poll(t, systemtest.StartWithin, "Redis to take "+id, func(context.Context) error {
			r := systemtest.Run(t, s.Env, "", "enqueue", "BindAxn", systemtest.Bind(i+1, ""), "--id", id) //nolint:contextcheck // the test's own
			if r.Status != systemtest.StatusOK {
				return errors.New(r.Errors)
			}
			return nil
		})
	}
	for _, id := range ids {
		if o := s.Outcome(t, id, "30s"); o.State != tasks.StateSucceeded || len(s.Performed(id)) != 1 {
			t.Errorf("%+v, performed %d times", o, len(s.Performed(id)))
		}
	}
}

// everyCommand runs what else there is against Redis, and looks at the dashboard.
func everyCommand(t *testing.T, s *systemtest.System, id string) {
	t.Helper()
	for _, c := range []struct{ stdin, args string }{
		{"", "explain " + id}, {"", "queues"}, {"", "pause unbind"}, {"", "resume unbind"}, {"", "numbers list"},
		{"17099990001\n17099990002\n", "numbers import FC0 -"}, {"", "numbers list FC0"}, {"17099990001\n", "numbers readmit FC0 -"}, {"17099990001\n", "numbers release FC0 -"},
	} {
		if r := systemtest.Run(t, s.Env, c.stdin, strings.Fields(c.args)...); r.Status != systemtest.StatusOK {
			t.Errorf("%s: exit status %d\n%s%s", c.args, r.Status, r.Out, r.Errors)
		}
	}
	s.Enqueue(t, systemtest.StatusOK, "BindAxn", systemtest.Bind(9, ""), "--id", "later", "--in", "1h")
	if r := systemtest.Run(t, s.Env, "", "cancel", "later"); r.Status != systemtest.StatusOK {
		t.Errorf("cancel: exit status %d\n%s", r.Status, r.Errors)
	}
	follows(t, s, id)
	url := systemtest.StartDash(t, s.Env)
	for path, text := range map[string]string{"api/queues": `"queue":"bind"`, "api/servers": `"servers"`, "api/redis_info": `"info"`, "api/queues/bind/pending_tasks": `"tasks"`} {
		if _, page := systemtest.Get(t, url+path); !strings.Contains(page, text) {
			t.Errorf("%s: %s", path, page)
		}
	}
}

// follows waits for the outcome of a task among those of all.
func follows(t *testing.T, s *systemtest.System, id string) {
	t.Helper()
	cmd := exec.Command(systemtest.Program(t), "follow", "--group", "test", "--json")
	cmd.Env = s.Env
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	overdue := time.AfterFunc(systemtest.StartWithin, func() { _ = cmd.Process.Kill() })
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

// sound runs the doctor, and returns how many servers it looked at. It finds nothing but that they
// keep nothing.
func sound(t *testing.T, s *systemtest.System) (servers int) {
	t.Helper()
	r := systemtest.Run(t, s.Env, "", "doctor")
	for line := range systemtest.Lines(r.Out) {
		if strings.HasPrefix(line, "will lose data") && !strings.Contains(line, "persistence") || strings.Contains(line, "Redis does not tell") {
			t.Error(line)
		}
		if strings.Contains(line, "maxmemory-policy is noeviction") {
			servers++
		}
	}
	if r.Status != systemtest.StatusFailed || !strings.Contains(r.Errors, "data will be lost: persistence") {
		t.Errorf("doctor: exit status %d\n%s%s", r.Status, r.Out, r.Errors)
	}
	return servers
}

func TestSentinelProcesses(t *testing.T) {
	t.Parallel()
	site := redistest.StartSentinel(t)
	site.TakeForDeadAfter(t, takenForDead)
	s := systemtest.NewAt(t, "REDIS_URL="+site.URL())
	watchedWorker(t, s)
	binds(t, s, "before")
	everyCommand(t, s, "before")
	site.KillMaster(t)
	binds(t, s, "after")
	if n := sound(t, s); n != 1 {
		t.Errorf("%d servers", n)
	}
}

func TestClusterProcesses(t *testing.T) {
	t.Parallel()
	users := append([]string{"--user", "app", "on", ">secret"}, strings.Fields(redistest.LeastRuleOfCluster)...)
	site := redistest.StartCluster(t, users...)
	s := systemtest.NewAt(t, "REDIS_CLUSTER_NODES="+site.Nodes(), "REDIS_URL=redis://app:secret@"+site.Servers[2].Addr)
	watchedWorker(t, s)
	ids := []string{"one", "two", "three", "four"}
	binds(t, s, ids...)
	everyCommand(t, s, "two")
	if n := sound(t, s); n != 3 {
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
	s := systemtest.NewAt(t, site.Env()...)
	watchedWorker(t, s)
	binds(t, s, "one")
	everyCommand(t, s, "one")
	if n := sound(t, s); n != 1 {
		t.Errorf("%d servers", n)
	}
	suffices(t, site.Client(t))
	for name, without := range map[string]string{"certificate": "REDIS_CERT_FILE=,REDIS_KEY_FILE=", "authority": "REDIS_CA_FILE=", "name": "REDIS_SERVER_NAME="} {
		if r := systemtest.Run(t, append(slices.Clone(s.Env), strings.Split(without, ",")...), "", "queues"); r.Status != systemtest.StatusUnreachable {
			t.Errorf("without the %s: exit status %d\n%s", name, r.Status, r.Errors)
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
